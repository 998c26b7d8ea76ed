package actions

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/testcluster"
)

func TestWhatIsAppliedClientSideIsValidatedByTheServerAlone(t *testing.T) {
	c, runner := testcluster.New(t), newRunner()
	transport, err := rest.TransportFor(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	host, err := url.Parse(c.Config.Host)
	if err != nil {
		t.Fatal(err)
	}
	var documents atomic.Int32
	passed := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(host)
		if strings.HasPrefix(r.In.URL.Path, "/openapi/") {
			documents.Add(1)
		}
	}}
	server := httptest.NewServer(passed)
	defer server.Close()
	target := c.Target("validated")
	target.Cluster = &enginev1.Cluster{Server: server.URL}
	target.Apply, target.Storage = &enginev1.Identity{}, &enginev1.Identity{}
	options := &enginev1.ActionOptions{ServerSideApply: enginev1.ServerSideApply_SERVER_SIDE_APPLY_FALSE}
	chart := func(data string) *enginev1.ChartReference {
		return testcluster.Chart(t, "validated", map[string]string{"templates/config.yaml": configMap + data})
	}
	request := &enginev1.InstallRequest{
		Target: target, Context: &enginev1.ActionContext{OperationId: "op-1"}, Chart: chart(""), Options: options,
	}
	wantCode(t, runner.Install(t.Context(), request, quiet).GetError(), "")
	again := &enginev1.UpgradeRequest{Target: target, Context: &enginev1.ActionContext{OperationId: "op-2"}, Chart: chart("")}
	made := runner.Upgrade(t.Context(), again, quiet)
	wantCode(t, made.GetError(), "")
	if method := made.GetRelease().GetApplyMethod(); method != "csa" {
		t.Errorf("applied as %q", method)
	}
	again.Chart, again.Context = chart("immutable: never\n"), &enginev1.ActionContext{OperationId: "op-3"}
	wantCode(t, runner.Upgrade(t.Context(), again, quiet).GetError(), "CLUSTER_REFUSED")
	if read := documents.Load(); read > 0 {
		t.Errorf("%d OpenAPI documents were read", read)
	}
}
