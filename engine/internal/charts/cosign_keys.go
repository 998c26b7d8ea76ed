package charts

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // of the keys that sign with it
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
)

// cosignKeys are public keys of cosign.
type cosignKeys []crypto.PublicKey

// readCosignKeys reads keys in PEM.
func readCosignKeys(text []byte) (cosignKeys, error) {
	var keys cosignKeys
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

// signerOf names the key that has made a signature; empty where none has.
func (k cosignKeys) signerOf(message, signature []byte) string {
	for _, key := range k {
		if isSignedBy(key, message, signature) {
			return describeCosignKey(key)
		}
	}
	return ""
}

func isSignedBy(key crypto.PublicKey, message, signature []byte) bool {
	switch public := key.(type) {
	case *ecdsa.PublicKey:
		// The hash is that of the curve since version 3, before always SHA-256.
		own := map[int]crypto.Hash{384: crypto.SHA384, 521: crypto.SHA512}[public.Curve.Params().BitSize]
		return ecdsa.VerifyASN1(public, digestBy(crypto.SHA256, message), signature) ||
			own != 0 && ecdsa.VerifyASN1(public, digestBy(own, message), signature)
	case ed25519.PublicKey:
		return ed25519.Verify(public, message, signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digestBy(crypto.SHA256, message), signature) == nil
	}
	return false
}

func digestBy(hash crypto.Hash, message []byte) []byte {
	running := hash.New()
	running.Write(message)
	return running.Sum(nil)
}

func describeCosignKey(key crypto.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "cosign"
	}
	sum := sha256.Sum256(der)
	return "cosign (" + hex.EncodeToString(sum[:]) + ")"
}
