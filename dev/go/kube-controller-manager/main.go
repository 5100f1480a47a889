// Runs the controllers of Kubernetes that the local stack needs, without the thirty others of kube-controller-manager.
//
// It takes the place of that program: the same flags and the same controllers, started as
// k8s.io/kubernetes/cmd/kube-controller-manager/app starts them.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/job"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
	"k8s.io/kubernetes/pkg/controller/ttlafterfinished"
)

const (
	resync = 12 * time.Hour
	// How often the garbage collector looks for new kinds of objects.
	newKinds = 30 * time.Second
)

type clients struct {
	kubernetes.Interface
	metadata metadata.Interface
	// The informers that the controllers share, and the signal that they have been started.
	informers informers.SharedInformerFactory
	metadatas metadatainformer.SharedInformerFactory
	started   chan struct{}
}

// Each builds one controller, which asks for its informers, and returns the function that runs it.
var controllers = map[string]func(context.Context, *clients) (func(), error){
	"clusterrole-aggregation-controller": clusterRoleAggregation,
	"garbage-collector-controller":       garbageCollector,
	"job-controller":                     jobs,
	"namespace-controller":               namespaces,
	"serviceaccount-controller":          serviceAccounts,
	"ttl-after-finished-controller":      ttlAfterFinished,
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "the API server and the user")
	names := flag.String("controllers", strings.Join(slices.Sorted(maps.Keys(controllers)), ","), "which to run")
	// There is never a leader to elect, nor a port to serve: accepted because kube-controller-manager needs to be told.
	flag.Bool("leader-elect", false, "ignored")
	flag.Int("secure-port", 0, "ignored")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig, strings.Split(*names, ",")); err != nil {
		klog.Fatal(err)
	}
}

func run(ctx context.Context, kubeconfig string, names []string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	clients, err := connect(config)
	if err != nil {
		return err
	}
	for _, name := range names {
		build, known := controllers[name]
		if !known {
			return fmt.Errorf("unsupported controller %q", name)
		}
		controller, err := build(ctx, clients)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		go controller()
	}
	clients.informers.Start(ctx.Done())
	clients.metadatas.Start(ctx.Done())
	close(clients.started)
	<-ctx.Done()
	return nil
}

func connect(config *rest.Config) (*clients, error) {
	// The API server's own priority and fairness is limit enough.
	config.QPS = -1
	typed, err := kubernetes.NewForConfig(rest.AddUserAgent(config, "kube-controller-manager"))
	if err != nil {
		return nil, err
	}
	untyped, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	trim := func(object any) (any, error) {
		if accessor, err := meta.Accessor(object); err == nil {
			accessor.SetManagedFields(nil)
		}
		return object, nil
	}
	return &clients{
		Interface: typed,
		metadata:  untyped,
		informers: informers.NewSharedInformerFactoryWithOptions(typed, resync, informers.WithTransform(trim)),
		metadatas: metadatainformer.NewSharedInformerFactoryWithOptions(
			untyped, resync, metadatainformer.WithTransform(trim)),
		started: make(chan struct{}),
	}, nil
}

func garbageCollector(ctx context.Context, c *clients) (func(), error) {
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(c.Discovery()))
	collector, err := garbagecollector.NewGarbageCollector(ctx, c, c.metadata, mapper,
		garbagecollector.DefaultIgnoredResources(), informerfactory.NewInformerFactory(c.informers, c.metadatas), c.started)
	return func() {
		go wait.Until(mapper.Reset, newKinds, ctx.Done())
		go collector.Sync(ctx, c.Discovery(), newKinds)
		collector.Run(ctx, 20, newKinds)
	}, err
}

func namespaces(ctx context.Context, c *clients) (func(), error) {
	controller := namespace.NewNamespaceController(ctx, c, c.metadata, c.Discovery().ServerPreferredNamespacedResources,
		c.informers.Core().V1().Namespaces(), 5*time.Minute, corev1.FinalizerKubernetes)
	return func() { controller.Run(ctx, 10) }, nil
}

func jobs(ctx context.Context, c *clients) (func(), error) {
	controller, err := job.NewController(
		ctx, c, c.informers.Core().V1().Pods(), c.informers.Batch().V1().Jobs(), nil, nil)
	return func() { controller.Run(ctx, 5) }, err
}

func ttlAfterFinished(ctx context.Context, c *clients) (func(), error) {
	controller := ttlafterfinished.New(ctx, c.informers.Batch().V1().Jobs(), c)
	return func() { controller.Run(ctx, 5) }, nil
}

func serviceAccounts(ctx context.Context, c *clients) (func(), error) {
	controller, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx),
		c.informers.Core().V1().ServiceAccounts(), c.informers.Core().V1().Namespaces(), c,
		serviceaccount.DefaultServiceAccountsControllerOptions())
	return func() { controller.Run(ctx, 1) }, err
}

func clusterRoleAggregation(ctx context.Context, c *clients) (func(), error) {
	controller := clusterroleaggregation.NewClusterRoleAggregation(c.informers.Rbac().V1().ClusterRoles(), c.RbacV1())
	return func() { controller.Run(ctx, 5) }, nil
}
