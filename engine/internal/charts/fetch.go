package charts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

const (
	connectTimeout = 10 * time.Second
	// fetchTimeout bounds one fetch from the first byte asked to the last one read.
	fetchTimeout = 60 * time.Second
	maxRedirects = 5
)

// fetcher fetches from one repository with its credentials.
type fetcher struct {
	client    *http.Client
	reference *enginev1.RepositoryChart
	// home is the only host that is shown the credentials.
	home string
}

func newFetcher(reference *enginev1.RepositoryChart, egress *enginev1.EgressPolicy) (*fetcher, error) {
	home, err := url.Parse(reference.GetUrl())
	if err != nil || (home.Scheme != "http" && home.Scheme != "https") {
		return nil, &problem.Error{Code: "INVALID_ARGUMENT", Message: "The repository is not an http or https URL.", Field: "chart.repository"}
	}
	policy, err := newPolicy(egress)
	if err != nil {
		return nil, err
	}
	config, err := tlsConfig(reference)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: connectTimeout, Control: policy.control}
	f := &fetcher{reference: reference, home: home.Host}
	f.client = &http.Client{
		Timeout: fetchTimeout,
		// No proxy of the environment: the dialer must see the true address.
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: config, DisableKeepAlives: true,
			TLSHandshakeTimeout: connectTimeout, ResponseHeaderTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(request *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return errors.New("too many redirects")
			}
			if err := policy.checkHost(request.URL.Hostname()); err != nil {
				return err
			}
			f.authorize(request)
			return nil
		},
	}
	return f, policy.checkHost(home.Hostname())
}

// authorize shows the credentials to the repository's own host, and to none it redirects to.
func (f *fetcher) authorize(request *http.Request) {
	request.Header.Del("Authorization")
	if request.URL.Host != f.home && !(f.reference.GetPassCredentials() && request.Response == nil) {
		return
	}
	switch {
	case f.reference.GetBearerToken() != "":
		request.Header.Set("Authorization", "Bearer "+f.reference.GetBearerToken())
	case f.reference.GetUsername() != "" || f.reference.GetPassword() != "":
		request.SetBasicAuth(f.reference.GetUsername(), f.reference.GetPassword())
	}
}

// get fetches at most limit bytes.
func (f *fetcher) get(ctx context.Context, location string, limit int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return nil, fetchFailed(errors.New("the repository names no valid URL"), err)
	}
	request.Header.Set("User-Agent", "berth-engine")
	f.authorize(request)
	response, err := f.client.Do(request)
	if err != nil {
		if refused, ok := problem.As(err); ok {
			return nil, refused
		}
		return nil, fetchFailed(fmt.Errorf("%s does not answer: %s", request.URL.Redacted(), reason(err)), err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fetchFailed(fmt.Errorf("%s answers %s", request.URL.Redacted(), response.Status), nil)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, fetchFailed(fmt.Errorf("%s stopped in the middle: %s", request.URL.Redacted(), reason(err)), err)
	}
	if int64(len(content)) > limit {
		return nil, fetchFailed(fmt.Errorf("%s is larger than %d bytes", request.URL.Redacted(), limit), nil)
	}
	return content, nil
}

func tlsConfig(reference *enginev1.RepositoryChart) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: reference.GetInsecureSkipTlsVerify()} //nolint:gosec // asked for by the caller
	if ca := reference.GetCertificateAuthority(); len(ca) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(ca) {
			return nil, &problem.Error{Code: "INVALID_ARGUMENT", Message: "The CA bundle has no certificate.", Field: "chart.ca_bundle"}
		}
	}
	if len(reference.GetClientCertificate()) > 0 {
		pair, err := tls.X509KeyPair(reference.GetClientCertificate(), reference.GetClientKey())
		if err != nil {
			return nil, &problem.Error{Code: "INVALID_ARGUMENT", Message: "The client certificate and key do not fit.", Field: "chart.client_certificate", Cause: err}
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// policy is an egress policy. It is enforced where the socket opens, after DNS,
// so that no name and no redirect leads around it.
type policy struct {
	egress *enginev1.EgressPolicy
	blocks []netip.Prefix
}

func newPolicy(egress *enginev1.EgressPolicy) (*policy, error) {
	made := &policy{egress: egress}
	for _, text := range egress.GetAllowedCidrs() {
		block, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("the egress policy has no valid block %q: %w", text, err)
		}
		made.blocks = append(made.blocks, block)
	}
	return made, nil
}

func (p *policy) checkHost(host string) error {
	if allowed := p.egress.GetAllowedHosts(); len(allowed) > 0 && !slices.Contains(allowed, host) {
		return refusedAddress(host)
	}
	return nil
}

func (p *policy) control(_, address string, _ syscall.RawConn) error {
	endpoint, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := endpoint.Addr().Unmap()
	switch {
	case ip.IsLoopback() && !p.egress.GetAllowLoopback(),
		(ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast() || ip.IsMulticast() || ip.IsUnspecified()) && !p.egress.GetAllowLinkLocal():
		return refusedAddress(ip.String())
	}
	if len(p.blocks) == 0 || slices.ContainsFunc(p.blocks, func(block netip.Prefix) bool { return block.Contains(ip) }) {
		return nil
	}
	return refusedAddress(ip.String())
}

func refusedAddress(address string) error {
	return &problem.Error{Code: "CHART_SOURCE_REFUSED", Message: fmt.Sprintf("Nothing may be fetched from %s.", address), Field: "chart.repository"}
}

func fetchFailed(what, cause error) error {
	return &problem.Error{Code: "CHART_FETCH_FAILED", Message: "The chart cannot be fetched: " + what.Error() + ".", Field: "chart.repository", Cause: cause}
}

// reason gives the innermost words of a network error, which name no credentials.
func reason(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err.Error()
	}
	return err.Error()
}
