// Command bench-install is the bare loop that `npm run bench -- write` compares
// Berth with: Helm's SDK with the engine's settings, and nothing around it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/cluster"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the kubeconfig")
	chart := flag.String("chart", "", "path of the chart")
	namespace := flag.String("namespace", "", "namespace, which exists")
	count := flag.Int("count", 0, "installs in all")
	concurrency := flag.Int("concurrency", 1, "installs at once")
	flag.Parse()
	took, err := run(*kubeconfig, *chart, *namespace, *count, *concurrency)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-install:", err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]float64{"seconds": took.Seconds()})
}

func run(kubeconfig, chart, namespace string, count, concurrency int) (time.Duration, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return 0, err
	}
	target := &enginev1.Cluster{Server: config.Host, CertificateAuthority: config.CAData}
	identity := &enginev1.Identity{ClientCertificate: config.CertData, ClientKey: config.KeyData}
	known, err := cluster.NewCache().Get(target, identity)
	if err != nil {
		return 0, err
	}
	own, err := cluster.Config(target, identity, nil)
	if err != nil {
		return 0, err
	}
	jobs := make(chan int)
	failures := make(chan error, count)
	started := time.Now()
	var workers sync.WaitGroup
	for range concurrency {
		workers.Go(func() {
			for i := range jobs {
				if err := install(known, own, chart, namespace, fmt.Sprintf("bare-%d", i)); err != nil {
					failures <- err
				}
			}
		})
	}
	for i := range count {
		jobs <- i
	}
	close(jobs)
	workers.Wait()
	took := time.Since(started)
	select {
	case err := <-failures:
		return 0, err
	default:
		return took, nil
	}
}

func install(known *cluster.Known, config *rest.Config, chart, namespace, name string) error {
	capabilities, err := known.Capabilities()
	if err != nil {
		return err
	}
	loaded, err := loader.Load(chart)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	getter := &cluster.Getter{Known: known, Config: config, Namespace: namespace}
	setup := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	setup.RESTClientGetter = getter
	setup.KubeClient = kube.New(getter)
	setup.Releases = storage.Init(driver.NewSecrets(client.CoreV1().Secrets(namespace)))
	setup.Capabilities = capabilities
	run := action.NewInstall(setup)
	run.ReleaseName, run.Namespace = name, namespace
	run.DisableOpenAPIValidation = true
	run.WaitStrategy = kube.HookOnlyStrategy
	_, err = run.RunWithContext(context.Background(), loaded, map[string]any{})
	return err
}
