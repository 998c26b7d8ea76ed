package charts

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

// credentials are what a source is shown, and nobody else.
type credentials struct {
	access   *enginev1.SourceAccess
	username string
	password string
	home     string
}

// newCredentials takes the credentials of a source, or those in its URL.
func newCredentials(access *enginev1.SourceAccess, location *url.URL) *credentials {
	made := &credentials{
		access: access, home: origin(location),
		username: access.GetUsername(), password: access.GetPassword(),
	}
	if made.username == "" && made.password == "" {
		made.username = location.User.Username()
		made.password, _ = location.User.Password()
	}
	return made
}

// mayShow tells whether a request goes to the source itself. Where it asks
// for it, other hosts that its index names see the credentials too, but never
// one that anybody redirects to.
func (c *credentials) mayShow(request *http.Request) bool {
	isRedirected := request.Response != nil
	return origin(request.URL) == c.home || c.access.GetPassCredentials() && !isRedirected
}

// authorize sets a request's Authorization header, or takes it away.
func (c *credentials) authorize(request *http.Request) {
	request.Header.Del("Authorization")
	if !c.mayShow(request) {
		return
	}
	switch {
	case c.access.GetBearerToken() != "":
		request.Header.Set("Authorization", "Bearer "+c.access.GetBearerToken())
	case c.username != "" || c.password != "":
		request.SetBasicAuth(c.username, c.password)
	}
}

// tlsConfigs gives the TLS settings with the client certificate and without it.
func (c *credentials) tlsConfigs() (known, stranger *tls.Config, err error) {
	stranger = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.access.GetInsecureSkipTlsVerify()} //nolint:gosec // asked for by the caller
	if ca := c.access.GetCertificateAuthority(); len(ca) > 0 {
		stranger.RootCAs = x509.NewCertPool()
		if !stranger.RootCAs.AppendCertsFromPEM(ca) {
			return nil, nil, &problem.Error{Code: "INVALID_ARGUMENT", Message: "The CA bundle has no certificate.", Field: "chart.access.certificate_authority"}
		}
	}
	known = stranger.Clone()
	if len(c.access.GetClientCertificate()) > 0 {
		pair, err := tls.X509KeyPair(c.access.GetClientCertificate(), c.access.GetClientKey())
		if err != nil {
			return nil, nil, &problem.Error{Code: "INVALID_ARGUMENT", Message: "The client certificate and key do not fit.", Field: "chart.access.client_certificate", Cause: err}
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
