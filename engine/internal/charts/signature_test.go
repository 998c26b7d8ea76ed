package charts

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"helm.sh/helm/v4/pkg/provenance"

	"berth.dev/engine/gen/enginev1"
)

func newKey(t *testing.T, name string) (*openpgp.Entity, []byte) {
	t.Helper()
	key, err := openpgp.NewEntity(name, "", name+"@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	var public bytes.Buffer
	writer, err := armor.Encode(&public, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Serialize(writer); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return key, public.Bytes()
}

func signed(t *testing.T, key *openpgp.Entity, archive []byte) []byte {
	t.Helper()
	text, err := (&provenance.Signatory{Entity: key}).ClearSign(archive, "demo-1.2.3.tgz", []byte(chartYAML))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(text)
}

func TestASignedChartIsVerifiedWhereverItComesFrom(t *testing.T) {
	archive := pack(t, demo()...)
	key, public := newKey(t, "signer")
	_, stranger := newKey(t, "stranger")
	proof := signed(t, key, archive)
	other := signed(t, key, pack(t, demo(file{name: "demo/more", content: "x"})...))

	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		switch request.URL.Path {
		case "/demo-1.2.3.tgz":
			_, _ = response.Write(archive)
		case "/demo-1.2.3.tgz.prov":
			_, _ = response.Write(proof)
		default:
			response.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "demo-1.2.3.tgz")
	for name, content := range map[string][]byte{path: archive, path + ".prov": proof} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	upload := func(proof []byte) *enginev1.ChartReference {
		return &enginev1.ChartReference{Source: &enginev1.ChartReference_Archive{Archive: archive}, Provenance: proof}
	}
	byURL := &enginev1.ChartReference{
		Source: &enginev1.ChartReference_Url{Url: server.URL + "/demo-1.2.3.tgz"}, Egress: &enginev1.EgressPolicy{AllowLoopback: true},
	}
	for name, reference := range map[string]*enginev1.ChartReference{"upload": upload(proof), "url": byURL, "path": at(path)} {
		reference.Keyring = append(append([]byte{}, stranger...), public...)
		loaded, err := NewLibrary(true).Load(t.Context(), reference)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.HasPrefix(loaded.SignedBy, "signer <signer@example.com> (") {
			t.Errorf("%s: signed by %q", name, loaded.SignedBy)
		}
		reference.Keyring = stranger
		refused(t, reference, "CHART_UNVERIFIED", "not signed by a key")
	}
	for name, reference := range map[string]*enginev1.ChartReference{
		"no proof": upload(nil), "proof of another": upload(other), "no signature": upload([]byte("demo-1.2.3.tgz")),
	} {
		reference.Keyring = public
		if got := refused(t, reference, "CHART_UNVERIFIED"); got.Message == "" {
			t.Error(name)
		}
	}
	broken := upload(proof)
	broken.Keyring = []byte("no keys")
	refused(t, broken, "INVALID_ARGUMENT", "keyring")
}
