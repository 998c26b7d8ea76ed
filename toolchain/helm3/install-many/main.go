// Command install-many makes releases with Helm 3's own SDK: as many as are
// wanted in one process, where its command line would be started for each.
//
//	install-many CHART PREFIX COUNT NAMESPACE...
//
// It makes PREFIX-0 to PREFIX-(COUNT-1), by turns in the namespaces, each with
// its number as the value `value`. As for the command line, KUBECONFIG names the
// cluster and HELM_DRIVER the storage. The fields that it applies belong to
// "install-many": whoever builds on the SDK, as Terraform's provider does, is
// named after his program, where the command line calls itself helm.
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sync/errgroup"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/cli"
)

// requests a second are not held back: they go to a cluster for tests.
const requests = 1000

func main() {
	if err := installMany(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func installMany(args []string) error {
	if len(args) < 4 {
		return errors.New("usage: install-many CHART PREFIX COUNT NAMESPACE")
	}
	path, prefix, namespaces := args[0], args[1], args[3:]
	count, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	var all errgroup.Group
	for first, namespace := range namespaces {
		// What an action finds out of the cluster it keeps in its configuration: that is for one at a time.
		all.Go(func() error {
			config, err := configure(namespace)
			for i := first; i < count && err == nil; i += len(namespaces) {
				err = install(config, path, namespace, fmt.Sprintf("%s-%d", prefix, i), i)
			}
			return err
		})
	}
	return all.Wait()
}

func configure(namespace string) (*action.Configuration, error) {
	settings := cli.New()
	settings.SetNamespace(namespace)
	settings.QPS, settings.BurstLimit = requests, requests
	config := &action.Configuration{}
	return config, config.Init(settings.RESTClientGetter(), namespace, os.Getenv("HELM_DRIVER"), func(string, ...any) {})
}

func install(config *action.Configuration, path, namespace, name string, value int) error {
	chart, err := loader.Load(path)
	if err != nil {
		return err
	}
	install := action.NewInstall(config)
	install.ReleaseName, install.Namespace = name, namespace
	// It fetches the whole document of the API for each release.
	install.DisableOpenAPIValidation = true
	_, err = install.Run(chart, map[string]any{"value": strconv.Itoa(value)})
	return err
}
