package charts

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
)

// What cosign writes since its version 3: a manifest that refers to the signed
// one, whose only layer is a Sigstore bundle. In it lies an envelope (DSSE) with
// a statement (in-toto) about the signed manifest's digest.
// Sources: https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md,
// https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto,
// https://github.com/secure-systems-lab/dsse/blob/master/protocol.md,
// https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
const (
	bundleType      = "application/vnd.dev.sigstore.bundle.v0.3+json"
	statementType   = "https://in-toto.io/Statement/v1"
	statementInDSSE = "application/vnd.in-toto+json"
	// signPredicate says that the statement is a signature. Statements of other
	// kinds say something else about a chart, and be it that it has flaws.
	signPredicate = "https://sigstore.dev/cosign/sign/v1"
	// maxBundle bounds a bundle, in bytes; with all that proves its time, one
	// has some ten thousand.
	maxBundle = 1 << 20
)

// errEnough ends a list of which enough has been looked at.
var errEnough = errors.New("there are more")

// bundle is a Sigstore bundle as far as a plain key needs it: what proves a
// certificate or the time of signing plays no part.
type bundle struct {
	MediaType string         `json:"mediaType"`
	Envelope  *dsse.Envelope `json:"dsseEnvelope"`
}

// statement is an in-toto statement as far as a signature has one.
type statement struct {
	Type          string `json:"_type"`
	PredicateType string `json:"predicateType"`
	Subject       []struct {
		Digest map[string]string `json:"digest"`
	} `json:"subject"`
}

// signedByBundle looks at the bundles that refer to a manifest.
func signedByBundle(ctx context.Context, repository *remote.Repository, signed ocispec.Descriptor, trusted cosignKeys) (string, error) {
	var found []ocispec.Descriptor
	err := repository.Referrers(ctx, signed, bundleType, func(some []ocispec.Descriptor) error {
		found = append(found, some...)
		if len(found) >= maxSignatures {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) && !errors.Is(err, errdef.ErrTooManyPages) {
		return "", err
	}
	for _, one := range found[:min(len(found), maxSignatures)] {
		layers, err := layersOf(ctx, repository, one)
		if err != nil {
			return "", err
		}
		if len(layers) != 1 || layers[0].MediaType != bundleType || layers[0].Size > maxBundle {
			continue
		}
		text, err := content.FetchAll(ctx, repository, layers[0])
		if err != nil {
			return "", err
		}
		if by := signerOfBundle(text, signed, trusted); by != "" {
			return by, nil
		}
	}
	return "", errNoCosign
}

// signerOfBundle names the key that has signed a manifest by a bundle; empty
// where none has.
func signerOfBundle(text []byte, signed ocispec.Descriptor, trusted cosignKeys) string {
	var read bundle
	if json.Unmarshal(text, &read) != nil || read.MediaType != bundleType || read.Envelope == nil || read.Envelope.PayloadType != statementInDSSE {
		return ""
	}
	payload, err := read.Envelope.DecodeB64Payload()
	if err != nil || !states(payload, signed) {
		return ""
	}
	// A bundle has one signature; whom its key ID names is but a hint.
	if len(read.Envelope.Signatures) != 1 {
		return ""
	}
	signature, err := base64.StdEncoding.DecodeString(read.Envelope.Signatures[0].Sig)
	if err != nil {
		return ""
	}
	return trusted.signerOf(dsse.PAE(read.Envelope.PayloadType, payload), signature)
}

// states tells whether a statement is a signature of a manifest.
func states(payload []byte, signed ocispec.Descriptor) bool {
	var read statement
	if json.Unmarshal(payload, &read) != nil || read.Type != statementType || read.PredicateType != signPredicate {
		return false
	}
	algorithm, digest := string(signed.Digest.Algorithm()), signed.Digest.Encoded()
	for _, subject := range read.Subject {
		if subject.Digest[algorithm] == digest {
			return true
		}
	}
	return false
}
