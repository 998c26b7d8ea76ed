package charts

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"

	"berth.dev/engine/internal/problem"
)

// What cosign wrote for `cosign sign --key` before its version 3: a manifest
// under a tag made of the signed manifest's digest, each of whose layers is a
// payload with its signature beside it.
// Source: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
const (
	cosignPayload   = "application/vnd.dev.cosign.simplesigning.v1+json"
	cosignSignature = "dev.cosignproject.cosign/signature"
	// maxPayload bounds a payload, in bytes; they have a few hundred.
	maxPayload = 64 << 10
	// maxSignatures bounds the signatures of one chart that are looked at, of
	// either form.
	maxSignatures = 50
)

var errNoCosign = errors.New("no cosign key that is trusted has signed it")

// cosigned tells which of the keys has signed a manifest, in either form.
func cosigned(ctx context.Context, repository *remote.Repository, signed ocispec.Descriptor, keys []byte) (string, error) {
	trusted, err := readCosignKeys(keys)
	if err != nil {
		return "", &problem.Error{Code: "INVALID_ARGUMENT", Field: "chart.cosign_keys", Cause: err, Message: "The cosign keys have no public key that can be read."}
	}
	by, err := signedByTag(ctx, repository, signed, trusted)
	if !errors.Is(err, errNoCosign) {
		return by, err
	}
	return signedByBundle(ctx, repository, signed, trusted)
}

// signedByTag looks at the signatures under the tag of a manifest's digest.
func signedByTag(ctx context.Context, repository *remote.Repository, signed ocispec.Descriptor, trusted cosignKeys) (string, error) {
	found, err := repository.Resolve(ctx, strings.Replace(signed.Digest.String(), ":", "-", 1)+".sig")
	if errors.Is(err, errdef.ErrNotFound) {
		return "", errNoCosign
	}
	if err != nil {
		return "", err
	}
	layers, err := layersOf(ctx, repository, found)
	if err != nil {
		return "", err
	}
	for _, layer := range layers[:min(len(layers), maxSignatures)] {
		signature, err := base64.StdEncoding.DecodeString(layer.Annotations[cosignSignature])
		if layer.MediaType != cosignPayload || layer.Size > maxPayload || err != nil {
			continue
		}
		payload, err := content.FetchAll(ctx, repository, layer)
		if err != nil {
			return "", err
		}
		if by := trusted.signerOf(payload, signature); by != "" && isOf(payload, signed) {
			return by, nil
		}
	}
	return "", errNoCosign
}

// layersOf reads the layers of a manifest of signatures; one that is none, or
// gone, has none.
func layersOf(ctx context.Context, repository *remote.Repository, found ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	if found.Size > maxManifest {
		return nil, nil
	}
	text, err := content.FetchAll(ctx, repository, found)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var manifest ocispec.Manifest
	if json.Unmarshal(text, &manifest) != nil {
		return nil, nil
	}
	return manifest.Layers, nil
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
