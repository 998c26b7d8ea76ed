package charts

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

// credentials are what a repository is shown, and nobody else.
type credentials struct {
	reference *enginev1.RepositoryChart
	username  string
	password  string
	home      string
}

// newCredentials takes the credentials of a reference, or those in its URL.
func newCredentials(reference *enginev1.RepositoryChart, location *url.URL) *credentials {
	made := &credentials{
		reference: reference, home: origin(location),
		username: reference.GetUsername(), password: reference.GetPassword(),
	}
	if made.username == "" && made.password == "" {
		made.username = location.User.Username()
		made.password, _ = location.User.Password()
	}
	return made
}

// mayShow tells whether a request goes to the repository itself. Where it asks
// for it, other hosts that its index names see the credentials too, but never
// one that anybody redirects to.
func (c *credentials) mayShow(request *http.Request) bool {
	isRedirected := request.Response != nil
	return origin(request.URL) == c.home || c.reference.GetPassCredentials() && !isRedirected
}

// authorize sets a request's Authorization header, or takes it away.
func (c *credentials) authorize(request *http.Request) {
	request.Header.Del("Authorization")
	if !c.mayShow(request) {
		return
	}
	switch {
	case c.reference.GetBearerToken() != "":
		request.Header.Set("Authorization", "Bearer "+c.reference.GetBearerToken())
	case c.username != "" || c.password != "":
		request.SetBasicAuth(c.username, c.password)
	}
}

// tlsConfigs gives the TLS settings with the client certificate and without it.
func (c *credentials) tlsConfigs() (known, stranger *tls.Config, err error) {
	stranger = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.reference.GetInsecureSkipTlsVerify()} //nolint:gosec // asked for by the caller
	if ca := c.reference.GetCertificateAuthority(); len(ca) > 0 {
		stranger.RootCAs = x509.NewCertPool()
		if !stranger.RootCAs.AppendCertsFromPEM(ca) {
			return nil, nil, &problem.Error{Code: "INVALID_ARGUMENT", Message: "The CA bundle has no certificate.", Field: "chart.certificate_authority"}
		}
	}
	known = stranger.Clone()
	if len(c.reference.GetClientCertificate()) > 0 {
		pair, err := tls.X509KeyPair(c.reference.GetClientCertificate(), c.reference.GetClientKey())
		if err != nil {
			return nil, nil, &problem.Error{Code: "INVALID_ARGUMENT", Message: "The client certificate and key do not fit.", Field: "chart.client_certificate", Cause: err}
		}
		known.Certificates = []tls.Certificate{pair}
	}
	return known, stranger, nil
}

// origin is scheme, host and port: who answers, and whether others can listen.
func origin(location *url.URL) string {
	port := location.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[location.Scheme]
	}
	return location.Scheme + "://" + hostName(location.Hostname()) + ":" + port
}
