// Package testcluster gives tests the real cluster of the test run.
package testcluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"berth.dev/engine/gen/enginev1"
)

// Cluster is the cluster of the test run with a namespace of the test's own.
type Cluster struct {
	Config    *rest.Config
	Client    kubernetes.Interface
	Namespace string
}

// New makes the namespace; the test is skipped, with the reason, where there is no cluster.
func New(t testing.TB) *Cluster {
	t.Helper()
	path := os.Getenv("BERTH_TEST_CLUSTER")
	if path == "" {
		t.Skip("BERTH_TEST_CLUSTER names no kubeconfig: run the tests by `npm test`")
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	must(t, err)
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	must(t, err)
	random := make([]byte, 5)
	_, err = rand.Read(random)
	must(t, err)
	name := "e-" + hex.EncodeToString(random)
	_, err = client.CoreV1().Namespaces().Create(context.Background(), &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() {
		_ = client.CoreV1().Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{})
	})
	return &Cluster{Config: config, Client: client, Namespace: name}
}

// Identity is the administrator's.
func (c *Cluster) Identity() *enginev1.Identity {
	return &enginev1.Identity{ClientCertificate: c.Config.CertData, ClientKey: c.Config.KeyData}
}

// Target names a release of the test's namespace, with the administrator as both identities.
func (c *Cluster) Target(release string) *enginev1.Target {
	return &enginev1.Target{
		Cluster: &enginev1.Cluster{Server: c.Config.Host, CertificateAuthority: c.Config.CAData},
		Apply:   c.Identity(), Storage: c.Identity(), Namespace: c.Namespace, Release: release,
	}
}

// Chart writes a chart and gives a reference to it.
func Chart(t testing.TB, name string, files map[string]string) *enginev1.ChartReference {
	t.Helper()
	directory := filepath.Join(t.TempDir(), name)
	all := map[string]string{"Chart.yaml": "apiVersion: v2\nname: " + name + "\nversion: 1.0.0\n"}
	for path, content := range files {
		all[path] = content
	}
	for path, content := range all {
		file := filepath.Join(directory, path)
		must(t, os.MkdirAll(filepath.Dir(file), 0o700))
		must(t, os.WriteFile(file, []byte(content), 0o600))
	}
	return &enginev1.ChartReference{Source: &enginev1.ChartReference_Path{Path: directory}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
