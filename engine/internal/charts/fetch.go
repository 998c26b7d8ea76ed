package charts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

const (
	connectTimeout = 10 * time.Second
	// answerTimeout is how long a host may take to its first byte.
	answerTimeout = 30 * time.Second
	maxRedirects  = 5
	userAgent     = "berth-engine"
)

// fetcher fetches from one source with its credentials.
type fetcher struct {
	client      *http.Client
	routes      *routes
	policy      *policy
	credentials *credentials
}

// newFetcher makes a fetcher that reaches what the policy allows, and no proxy
// of the environment: the policy has to see the true address.
func newFetcher(access *enginev1.SourceAccess, home *url.URL, egress *enginev1.EgressPolicy) (*fetcher, error) {
	policy, err := newPolicy(egress)
	if err != nil {
		return nil, err
	}
	if err := policy.checkHost(home.Hostname()); err != nil {
		return nil, err
	}
	credentials := newCredentials(access, home)
	known, stranger, err := credentials.tlsConfigs()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: connectTimeout, Control: policy.control}
	routes := &routes{credentials: credentials, known: transport(dialer, known), stranger: transport(dialer, stranger)}
	follow := func(request *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errors.New("it redirects too often")
		}
		credentials.authorize(request)
		// The URL it comes from may have secrets in its query.
		request.Header.Del("Referer")
		return policy.checkHost(request.URL.Hostname())
	}
	return &fetcher{
		client: &http.Client{Transport: routes, CheckRedirect: follow}, routes: routes, policy: policy, credentials: credentials,
	}, nil
}

func transport(dialer *net.Dialer, config *tls.Config) *http.Transport {
	return &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: config, DisableKeepAlives: true,
		// A server that says an archive is gzip-encoded means the archive itself.
		DisableCompression:  true,
		TLSHandshakeTimeout: connectTimeout, ResponseHeaderTimeout: answerTimeout, MaxResponseHeaderBytes: 64 << 10,
	}
}

// routes shows the client certificate to whom the credentials may be shown.
type routes struct {
	credentials     *credentials
	known, stranger *http.Transport
}

func (r *routes) RoundTrip(request *http.Request) (*http.Response, error) {
	if r.credentials.mayShow(request) {
		return r.known.RoundTrip(request)
	}
	return r.stranger.RoundTrip(request)
}

// get fetches at most limit bytes.
func (f *fetcher) get(ctx context.Context, location *url.URL, limit int64) ([]byte, error) {
	content, _, err := f.getIfChanged(ctx, location, limit, nil)
	return content, err
}

// getIfChanged is get with headers of its own. Where the server answers them
// with 304, content is nil; the headers of the answer are given in any case.
func (f *fetcher) getIfChanged(ctx context.Context, location *url.URL, limit int64, headers http.Header) ([]byte, http.Header, error) {
	if location.Scheme != "http" && location.Scheme != "https" {
		return nil, nil, fetchFailed(fmt.Errorf("%s is no http or https URL", shown(location)), nil)
	}
	bare := *location
	bare.User = nil
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, bare.String(), nil)
	if err != nil {
		return nil, nil, fetchFailed(fmt.Errorf("%s is no URL that can be asked", shown(location)), err)
	}
	for name, values := range headers {
		request.Header[name] = values
	}
	request.Header.Set("User-Agent", userAgent)
	f.credentials.authorize(request)
	response, err := f.client.Do(request)
	if err != nil {
		if refused, ok := problem.As(err); ok {
			return nil, nil, refused
		}
		return nil, nil, fetchFailed(fmt.Errorf("%s does not answer: %s", shown(location), reason(err)), err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotModified && len(headers) > 0 {
		return nil, response.Header, nil
	}
	if response.StatusCode != http.StatusOK {
		return nil, nil, fetchFailed(fmt.Errorf("%s answers %d %s", shown(location), response.StatusCode, http.StatusText(response.StatusCode)), nil)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, nil, fetchFailed(fmt.Errorf("%s stopped in the middle: %s", shown(location), reason(err)), err)
	}
	if int64(len(content)) > limit {
		return nil, nil, fetchFailed(fmt.Errorf("%s has more than %d bytes", shown(location), limit), nil)
	}
	return content, response.Header, nil
}

// shown is a URL for a message: its user and its query may be secrets.
func shown(location *url.URL) string {
	text := location.Scheme + "://" + location.Host + location.EscapedPath()
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return text
}

func fetchFailed(what, cause error) error {
	return &problem.Error{Code: "CHART_FETCH_FAILED", Message: "The chart cannot be fetched: " + what.Error() + ".", Field: "chart", Cause: cause}
}

// reason gives a network error's own words, without the URL in front of them.
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("it took longer than %d s in all", int(fetchTimeout.Seconds()))
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err.Error()
	}
	return err.Error()
}
