package charts

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

func TestASourceIsRefreshed(t *testing.T) {
	server, library := newRepository(t, "1.0.0"), NewLibrary(false)
	server.etag = `"one"`
	request := &enginev1.RefreshSourceRequest{
		Url: server.URL, Access: &enginev1.SourceAccess{}, Egress: &enginev1.EgressPolicy{AllowLoopback: true},
	}
	first, err := library.Refresh(t.Context(), request)
	if err != nil || first.Charts != 1 || !strings.HasPrefix(first.Digest, "sha256:") {
		t.Fatalf("%+v, %v", first, err)
	}
	same, err := library.Refresh(t.Context(), request)
	if err != nil || same != first {
		t.Errorf("an index that has not changed: %+v, %v, want %+v", same, err, first)
	}
	if last := server.seen[len(server.seen)-1]; last.Header.Get("If-None-Match") != server.etag {
		t.Error("the repository was not asked whether its index has changed")
	}
	// Whoever names the source next finds its index kept.
	before := len(server.seen)
	if _, _, err := library.Search(t.Context(), &enginev1.SearchChartsRequest{Url: server.URL, Access: request.GetAccess(), Egress: request.GetEgress(), Limit: 1}); err != nil {
		t.Fatal(err)
	}
	if len(server.seen) != before {
		t.Error("a search fetched the index again")
	}
	server.describe(t, "", "1.0.0", "2.0.0")
	server.etag = `"two"`
	if changed, err := library.Refresh(t.Context(), request); err != nil || changed.Digest == first.Digest {
		t.Errorf("an index that has changed: %+v, %v", changed, err)
	}
	request.Egress = nil
	wantProblem(t, library, request, "CHART_SOURCE_REFUSED")
}

func TestARegistryIsAskedToLetBerthIn(t *testing.T) {
	registry := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if user, password, _ := request.BasicAuth(); request.URL.Path != "/v2/" || user != "me" || password != "word" {
			answer.Header().Set("WWW-Authenticate", `Basic realm="tests"`)
			answer.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer registry.Close()
	request := &enginev1.RefreshSourceRequest{
		Url:    "oci://" + strings.TrimPrefix(registry.URL, "http://") + "/charts",
		Access: &enginev1.SourceAccess{PlainHttp: true, Username: "me", Password: "word"},
		Egress: &enginev1.EgressPolicy{AllowLoopback: true},
	}
	library := NewLibrary(false)
	if found, err := library.Refresh(t.Context(), request); err != nil || found != (Refreshed{}) {
		t.Errorf("%+v, %v", found, err)
	}
	request.Access.Password = "another"
	if message := wantProblem(t, library, request, "CHART_FETCH_FAILED"); !strings.Contains(message, "401") || strings.Contains(message, "another") {
		t.Errorf("message %q", message)
	}
	request.Url = "oci://"
	wantProblem(t, library, request, "INVALID_ARGUMENT")
}

// wantProblem refreshes what must fail with a code, and gives the message.
func wantProblem(t *testing.T, library *Library, request *enginev1.RefreshSourceRequest, code string) string {
	t.Helper()
	_, err := library.Refresh(t.Context(), request)
	ours, ok := problem.As(err)
	if !ok || ours.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	return ours.Message
}
