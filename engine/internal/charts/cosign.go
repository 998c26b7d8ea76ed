package charts

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"

	"berth.dev/engine/internal/problem"
)

// What cosign writes for `cosign sign --key`: a manifest under a tag made of
// the signed manifest's digest, each of whose layers is a payload with its
// signature beside it.
// Source: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
const (
	cosignPayload   = "application/vnd.dev.cosign.simplesigning.v1+json"
	cosignSignature = "dev.cosignproject.cosign/signature"
	// maxPayload bounds a payload, in bytes; they have a few hundred.
	maxPayload = 64 << 10
	// maxSignatures bounds the signatures of one chart that are looked at.
	maxSignatures = 50
)

var errNoCosign = errors.New("no cosign key that is trusted has signed it")

// cosigned tells which of the keys has signed a manifest.
func cosigned(ctx context.Context, repository *remote.Repository, signed ocispec.Descriptor, keys []byte) (string, error) {
	trusted, err := readCosignKeys(keys)
	if err != nil {
		return "", &problem.Error{Code: "INVALID_ARGUMENT", Field: "chart.cosign_keys", Cause: err, Message: "The cosign keys have no public key that can be read."}
	}
	found, err := repository.Resolve(ctx, strings.Replace(signed.Digest.String(), ":", "-", 1)+".sig")
	if errors.Is(err, errdef.ErrNotFound) || found.Size > maxManifest {
		return "", errNoCosign
	}
	if err != nil {
		return "", err
	}
	text, err := content.FetchAll(ctx, repository, found)
	if err != nil {
		return "", err
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(text, &manifest); err != nil {
		return "", errNoCosign
	}
	for _, layer := range manifest.Layers[:min(len(manifest.Layers), maxSignatures)] {
		signature, err := base64.StdEncoding.DecodeString(layer.Annotations[cosignSignature])
		if layer.MediaType != cosignPayload || layer.Size > maxPayload || err != nil {
			continue
		}
		payload, err := content.FetchAll(ctx, repository, layer)
		if err != nil {
			return "", err
		}
		if by := signerOf(trusted, payload, signature); by != "" && isOf(payload, signed) {
			return by, nil
		}
	}
	return "", errNoCosign
}

// isOf tells whether a payload is about a manifest.
func isOf(payload []byte, signed ocispec.Descriptor) bool {
	var claim struct {
		Critical struct {
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
			Type string `json:"type"`
		} `json:"critical"`
	}
	return json.Unmarshal(payload, &claim) == nil && claim.Critical.Image.Digest == signed.Digest.String() &&
		claim.Critical.Type == "cosign container image signature"
}

// signerOf names the key that has made a signature; empty where none has.
func signerOf(keys []crypto.PublicKey, payload, signature []byte) string {
	digest := sha256.Sum256(payload)
	for _, key := range keys {
		var valid bool
		switch public := key.(type) {
		case *ecdsa.PublicKey:
			valid = ecdsa.VerifyASN1(public, digest[:], signature)
		case ed25519.PublicKey:
			valid = ed25519.Verify(public, payload, signature)
		case *rsa.PublicKey:
			valid = rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
		}
		if valid {
			return describeCosignKey(key)
		}
	}
	return ""
}

func describeCosignKey(key crypto.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "cosign"
	}
	sum := sha256.Sum256(der)
	return "cosign (" + hex.EncodeToString(sum[:]) + ")"
}

func readCosignKeys(text []byte) ([]crypto.PublicKey, error) {
	var keys []crypto.PublicKey
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		keys, text = append(keys, key), rest
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no PEM block")
	}
	return keys, nil
}
