package charts

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"berth.dev/engine/gen/enginev1"
)

const (
	user   = "deployer"
	secret = "hunter2-very-secret"
)

// repository serves charts of these versions and keeps what it was asked.
type repository struct {
	*httptest.Server
	archives map[string][]byte
	index    string
	seen     []*http.Request
	private  bool
	etag     string
}

func newRepository(t *testing.T, versions ...string) *repository {
	t.Helper()
	made := &repository{archives: map[string][]byte{}}
	made.describe(t, "", versions...)
	made.Server = httptest.NewServer(made)
	t.Cleanup(made.Close)
	return made
}

// describe writes the index; archives are relative to it where base is empty.
func (r *repository) describe(t *testing.T, base string, versions ...string) {
	t.Helper()
	r.index = "apiVersion: v1\nentries:\n  demo:\n"
	for _, version := range versions {
		content := pack(t, file{name: "demo/Chart.yaml", content: "apiVersion: v2\nname: demo\nversion: " + version + "\n"})
		name := "/demo-" + version + ".tgz"
		r.archives[name] = content
		location := strings.TrimPrefix(name, "/")
		if base != "" {
			location = base + name
		}
		r.index += fmt.Sprintf("  - {apiVersion: v2, name: demo, version: %q, digest: %s, urls: [%q]}\n", version, strings.TrimPrefix(digestOf(content), "sha256:"), location)
	}
}

func (r *repository) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	r.seen = append(r.seen, request.Clone(context.Background()))
	given, password, _ := request.BasicAuth()
	if r.private && (given != user || password != secret) {
		response.WriteHeader(http.StatusUnauthorized)
		return
	}
	if request.URL.Path == "/index.yaml" {
		response.Header().Set("Etag", r.etag)
		if r.etag != "" && request.Header.Get("If-None-Match") == r.etag {
			response.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = response.Write([]byte(r.index))
		return
	}
	content, ok := r.archives[request.URL.Path]
	if !ok {
		response.WriteHeader(http.StatusNotFound)
		return
	}
	_, _ = response.Write(content)
}

// shown tells whether any request carried the secret, in whatever form.
func (r *repository) shown() bool {
	for _, request := range r.seen {
		if request.Header.Get("Authorization") != "" || strings.Contains(request.Header.Get("Referer"), secret) {
			return true
		}
	}
	return false
}

func from(location, version string) *enginev1.ChartReference {
	return &enginev1.ChartReference{
		Source: &enginev1.ChartReference_Repository{Repository: &enginev1.RepositoryChart{Url: location, Name: "demo", Version: version}},
		Egress: &enginev1.EgressPolicy{AllowLoopback: true}, Access: &enginev1.SourceAccess{},
	}
}

func versionOf(t *testing.T, reference *enginev1.ChartReference) string {
	t.Helper()
	loaded, err := NewLibrary(false).Load(context.Background(), reference)
	if err != nil {
		t.Fatal(err)
	}
	made, err := loaded.Chart()
	if err != nil {
		t.Fatal(err)
	}
	return made.Metadata.Version
}

// withUser puts the credentials into a URL.
func withUser(t *testing.T, location string) string {
	t.Helper()
	parsed, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	parsed.User = url.UserPassword(user, secret)
	return parsed.String()
}

func TestRepositoryVersions(t *testing.T) {
	server := newRepository(t, "1.9.0", "1.10.0", "2.0.0-rc.1", "1.2.0")
	for asked, want := range map[string]string{
		"": "1.10.0", "1.2.0": "1.2.0", "~1.9": "1.9.0", "^1": "1.10.0", "<1.5": "1.2.0", "2.0.0-rc.1": "2.0.0-rc.1", ">=2.0.0-0": "2.0.0-rc.1",
	} {
		if got := versionOf(t, from(server.URL, asked)); got != want {
			t.Errorf("%q is %s, want %s", asked, got, want)
		}
	}
	for _, form := range []string{"/", "/index.yaml", "/index.yaml?", "?token=x"} {
		if got := versionOf(t, from(server.URL+form, "")); got != "1.10.0" {
			t.Errorf("%s gives %s", form, got)
		}
	}
	last := server.seen[len(server.seen)-1]
	if last.URL.Query().Get("token") != "x" || last.Header.Get("User-Agent") != userAgent {
		t.Errorf("the archive was asked for with %s by %s", last.URL, last.Header.Get("User-Agent"))
	}
}

func TestRepositoryHasNot(t *testing.T) {
	server := newRepository(t, "1.0.0-alpha")
	if got := refused(t, from(server.URL, "9"), "CHART_NOT_FOUND", `"9"`); got.Field != "chart.version" {
		t.Errorf("field is %q", got.Field)
	}
	refused(t, from(server.URL, ""), "CHART_NOT_FOUND", "stable")
	refused(t, from(server.URL, "not a version"), "CHART_NOT_FOUND")
	other := from(server.URL, "")
	other.GetRepository().Name = "other"
	if got := refused(t, other, "CHART_NOT_FOUND", `"other"`); got.Field != "chart.name" {
		t.Errorf("field is %q", got.Field)
	}
	refused(t, from(server.URL+"/elsewhere", ""), "CHART_FETCH_FAILED", "404")
	delete(server.archives, "/demo-1.0.0-alpha.tgz")
	refused(t, from(server.URL, "1.0.0-alpha"), "CHART_FETCH_FAILED", "404")
	for _, text := range []string{"not a url", "ftp://example.com", "http://", "%zz"} {
		refused(t, from(text, ""), "INVALID_ARGUMENT")
	}
}

func TestRepositoryServesNonsense(t *testing.T) {
	server := newRepository(t, "1.0.0")
	server.archives["/demo-1.0.0.tgz"] = pack(t, demo()...)
	refused(t, from(server.URL, ""), "CHART_DIGEST_MISMATCH", "index says")
	for name, index := range map[string]string{
		"HTML": "<html>", "nothing": "", "a list": "[]", "no entries": "apiVersion: v1\n",
		"aliases": "a: &a " + strings.Repeat("x", 1<<20) + "\nb: [" + strings.Repeat("*a, ", 1000) + "]\nentries: {}\n",
	} {
		server.index = index
		t.Run(name, func(t *testing.T) { refused(t, from(server.URL, ""), "CHART_FETCH_FAILED", "no index") })
	}
	for name, entry := range map[string]string{"null": "null", "no URL": "{name: demo, version: 1.0.0}", "no metadata": "{urls: [x]}"} {
		server.index = "entries:\n  demo:\n  - " + entry + "\n"
		t.Run(name, func(t *testing.T) { refused(t, from(server.URL, ""), "CHART_NOT_FOUND") })
	}
	server.index = "entries:\n  demo:\n  - {apiVersion: v2, name: demo, version: 1.0.0, urls: ['oci://example.com/demo']}\n"
	refused(t, from(server.URL, ""), "CHART_FETCH_FAILED", "oci://")
	server.index = strings.Repeat("#", maxIndex+1)
	refused(t, from(server.URL, ""), "CHART_FETCH_FAILED", "33554432")
}

func TestRepositoryCredentials(t *testing.T) {
	server := newRepository(t, "1.0.0")
	server.private = true
	if got := refused(t, from(server.URL, ""), "CHART_FETCH_FAILED", "401"); got.Field != "chart" {
		t.Errorf("field is %q", got.Field)
	}
	versionOf(t, from(withUser(t, server.URL), ""))
	basic := from(server.URL, "")
	basic.GetAccess().Username, basic.GetAccess().Password = user, secret
	versionOf(t, basic)
	// An index may name its own archives with a full URL.
	server.describe(t, server.URL, "1.0.0")
	versionOf(t, from(withUser(t, server.URL), ""))

	bearer := from(server.URL, "")
	bearer.GetAccess().BearerToken = secret
	refused(t, bearer, "CHART_FETCH_FAILED", "401")
	if got := server.seen[len(server.seen)-1].Header.Get("Authorization"); got != "Bearer "+secret {
		t.Errorf("the token was sent as %q", got)
	}
}

func TestRepositoryErrorsTellNoSecret(t *testing.T) {
	server := newRepository(t, "1.0.0")
	server.index = "not an index"
	dead := httptest.NewServer(nil)
	dead.Close()
	for _, location := range []string{server.URL, server.URL + "/elsewhere", dead.URL} {
		got := refused(t, from(withUser(t, location)+"?token="+secret, ""), "CHART_FETCH_FAILED")
		if strings.Contains(got.Message, secret) || strings.Contains(got.Message, user) {
			t.Errorf("message tells a secret: %s", got.Message)
		}
	}
}

func TestCredentialsFollowNoRedirect(t *testing.T) {
	thief := newRepository(t, "1.0.0")
	for name, redirect := range map[string]string{"index": "/index.yaml", "archive": "/demo-1.0.0.tgz"} {
		for _, pass := range []bool{false, true} {
			thief.seen = nil
			inner := newRepository(t, "1.0.0")
			server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
				if request.URL.Path == redirect {
					http.Redirect(response, request, thief.URL+redirect, http.StatusFound)
					return
				}
				inner.ServeHTTP(response, request)
			}))
			reference := from(withUser(t, server.URL)+"?token="+secret, "")
			reference.GetAccess().PassCredentials = pass
			versionOf(t, reference)
			server.Close()
			if len(thief.seen) == 0 || thief.shown() {
				t.Errorf("%s, passing %t: redirected %d requests, secret shown: %t", name, pass, len(thief.seen), thief.shown())
			}
		}
	}
}

func TestCredentialsStayWithTheirHostUnlessPassed(t *testing.T) {
	mirror := newRepository(t, "1.0.0")
	server := newRepository(t)
	server.describe(t, mirror.URL, "1.0.0")
	for _, pass := range []bool{false, true} {
		reference := from(withUser(t, server.URL), "")
		reference.GetAccess().PassCredentials = pass
		versionOf(t, reference)
		if mirror.shown() != pass {
			t.Errorf("passing %t: secret shown: %t", pass, mirror.shown())
		}
	}
}

func TestOrigin(t *testing.T) {
	for left, right := range map[string]string{
		"https://h/x": "https://H.:443/y", "http://h": "http://h:80/", "http://[::1]/": "http://[::1]:80",
	} {
		if origin(parse(t, left)) != origin(parse(t, right)) {
			t.Errorf("%s and %s differ", left, right)
		}
	}
	for left, right := range map[string]string{"https://h": "http://h", "https://h:1": "https://h:2", "https://a.h": "https://h"} {
		if origin(parse(t, left)) == origin(parse(t, right)) {
			t.Errorf("%s and %s are the same", left, right)
		}
	}
}

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	parsed, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestEgressPolicy(t *testing.T) {
	server := newRepository(t, "1.0.0")
	port := parse(t, server.URL).Port()
	redirector := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:"+port+"/index.yaml", http.StatusFound))
	defer redirector.Close()
	for name, test := range map[string]struct {
		location string
		egress   *enginev1.EgressPolicy
		allowed  bool
	}{
		"nothing said":       {server.URL, nil, false},
		"by name":            {"http://localhost:" + port, &enginev1.EgressPolicy{}, false},
		"unspecified":        {"http://0.0.0.0:" + port, &enginev1.EgressPolicy{AllowLinkLocal: true}, false},
		"mapped":             {"http://[::ffff:127.0.0.1]:" + port, &enginev1.EgressPolicy{}, false},
		"link-local":         {"http://169.254.169.254", &enginev1.EgressPolicy{AllowLoopback: true}, false},
		"another host":       {server.URL, &enginev1.EgressPolicy{AllowLoopback: true, AllowedHosts: []string{"charts.example.com"}}, false},
		"host":               {"http://LOCALHOST:" + port, &enginev1.EgressPolicy{AllowLoopback: true, AllowedHosts: []string{"localhost"}}, true},
		"another block":      {server.URL, &enginev1.EgressPolicy{AllowLoopback: true, AllowedCidrs: []string{"10.0.0.0/8"}}, false},
		"block":              {server.URL, &enginev1.EgressPolicy{AllowLoopback: true, AllowedCidrs: []string{"10.0.0.0/8", "127.0.0.0/8"}}, true},
		"redirect to a host": {strings.Replace(redirector.URL, "127.0.0.1", "localhost", 1), &enginev1.EgressPolicy{AllowLoopback: true, AllowedHosts: []string{"localhost"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			reference := from(test.location, "")
			reference.Egress = test.egress
			if test.allowed {
				versionOf(t, reference)
				return
			}
			refused(t, reference, "CHART_SOURCE_REFUSED", "may be fetched")
		})
	}
	broken := from(server.URL, "")
	broken.Egress.AllowedCidrs = []string{"everything"}
	refused(t, broken, "INVALID_ARGUMENT", "everything")
}

func TestRepositoryOverTLS(t *testing.T) {
	inner := newRepository(t, "1.0.0")
	server := httptest.NewUnstartedServer(inner)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	defer server.Close()
	refused(t, from(server.URL, ""), "CHART_FETCH_FAILED", "certificate")

	trusting := from(server.URL, "")
	trusting.GetAccess().CertificateAuthority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	versionOf(t, trusting)
	careless := from(server.URL, "")
	careless.GetAccess().InsecureSkipTlsVerify = true
	versionOf(t, careless)

	broken := from(server.URL, "")
	broken.GetAccess().CertificateAuthority = []byte("no PEM")
	refused(t, broken, "INVALID_ARGUMENT", "CA bundle")
	broken.GetAccess().CertificateAuthority = nil
	broken.GetAccess().ClientCertificate = []byte("no PEM")
	refused(t, broken, "INVALID_ARGUMENT", "client certificate")
}

func TestRepositoryIsSlowOrEndless(t *testing.T) {
	loops := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		http.Redirect(response, request, request.URL.Path, http.StatusFound)
	}))
	defer loops.Close()
	refused(t, from(loops.URL, ""), "CHART_FETCH_FAILED", "redirects too often")

	gone := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		response.(http.Flusher).Flush()
		<-request.Context().Done()
		close(gone)
	}))
	defer slow.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := NewLibrary(false).Load(ctx, from(slow.URL, "")); err == nil || !strings.Contains(err.Error(), "CHART_FETCH_FAILED") && !strings.Contains(err.Error(), "cannot be fetched") {
		t.Errorf("a slow host: %v", err)
	}
	<-gone
}
