"""`drplan completion`: what a shell needs to complete commands, options and names."""

import argparse

SCRIPTS = {
    "bash": """\
_drplan() {
  local each
  COMPREPLY=()
  while IFS= read -r each; do
    [ -n "$each" ] && COMPREPLY+=("$each")
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _drplan drplan
""",
    "zsh": """\
#compdef drplan
_drplan() {
  local -a found
  found=("${(@f)$(drplan __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n "${found[1]}" ]] && compadd -a found || _files
}
compdef _drplan drplan
""",
    "fish": """\
function __drplan_complete
  set -l words (commandline -opc) (commandline -ct)
  drplan __complete $words[2..-1] 2>/dev/null
end
complete -c drplan -a '(__drplan_complete)'
""",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = f"""{parser.description}

  bash: source <(drplan completion bash)
  zsh:  source <(drplan completion zsh)
  fish: drplan completion fish | source

kubectl completes `kubectl drplan` by itself, by the program kubectl_complete-drplan, which is installed too."""
    parser.add_argument("shell", choices=list(SCRIPTS))


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    print(SCRIPTS[options.shell], end="")
    return 0
