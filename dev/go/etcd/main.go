// Runs etcd in the version that the modules of Kubernetes are tested with, so that both share their dependencies.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
