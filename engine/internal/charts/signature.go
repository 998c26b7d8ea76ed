package charts

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp"

	"helm.sh/helm/v4/pkg/provenance"

	"berth.dev/engine/internal/problem"
)

const (
	provenanceSuffix = ".prov"
	// maxProvenance bounds a provenance file, in bytes.
	maxProvenance = 1 << 20
)

var armored = []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----")

// trust is whose signatures count: of provenance files, and of cosign.
type trust struct{ keyring, cosign []byte }

// verify refuses a chart that none of the keys has signed; without keys nothing
// is asked. It is Helm's own verification: the provenance file has the digest
// of the archive and is signed as a whole.
func verify(loaded *Loaded, trust trust) error {
	switch {
	case len(trust.keyring) == 0 && len(trust.cosign) == 0, loaded.SignedBy != "":
		return nil
	case len(trust.keyring) == 0:
		return unverified(errNoCosign)
	}
	keys, err := readKeys(trust.keyring)
	if err != nil {
		return &problem.Error{Code: "INVALID_ARGUMENT", Field: "chart.keyring", Cause: err, Message: "The keyring has no public keys that can be read."}
	}
	switch {
	case loaded.archive == nil:
		return unverified(errors.New("a directory is not signed"))
	case len(loaded.provenance) == 0:
		return unverified(errors.New("it has no provenance file"))
	}
	made, err := loaded.Chart()
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%s.tgz", made.Metadata.Name, made.Metadata.Version)
	checked, err := (&provenance.Signatory{KeyRing: keys}).Verify(loaded.archive, loaded.provenance, name)
	if err != nil {
		return unverified(err)
	}
	loaded.SignedBy = describeKey(checked.SignedBy)
	return nil
}

// readKeys reads keys, armored (blocks of it may follow each other) or not.
func readKeys(keyring []byte) (openpgp.EntityList, error) {
	if !bytes.Contains(keyring, armored) {
		return openpgp.ReadKeyRing(bytes.NewReader(keyring))
	}
	var keys openpgp.EntityList
	for rest := keyring; ; {
		start := bytes.Index(rest, armored)
		if start < 0 {
			return keys, nil
		}
		rest = rest[start:]
		some, err := openpgp.ReadArmoredKeyRing(io.LimitReader(bytes.NewReader(rest), maxProvenance))
		if err != nil {
			return nil, err
		}
		keys = append(keys, some...)
		rest = rest[len(armored):]
	}
}

func describeKey(key *openpgp.Entity) string {
	if key == nil || key.PrimaryKey == nil {
		return ""
	}
	fingerprint := hex.EncodeToString(key.PrimaryKey.Fingerprint)
	for name := range key.Identities {
		return name + " (" + fingerprint + ")"
	}
	return fingerprint
}

func unverified(cause error) error {
	return &problem.Error{
		Code: "CHART_UNVERIFIED", Field: "chart", Cause: cause,
		Message: fmt.Sprintf("The chart is not signed by a key that is trusted: %.300s.", cause),
	}
}
