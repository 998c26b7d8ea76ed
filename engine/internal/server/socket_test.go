package server

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListen(t *testing.T) {
	path := socketPath(t)
	listener, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v (%v)", info.Mode(), err)
	}
	if _, err := Listen(path); err == nil || !strings.Contains(err.Error(), "another engine") {
		t.Errorf("a second engine: %v", err)
	}
	// What a killed engine leaves behind.
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Listen(path)
	if err != nil {
		t.Fatalf("a stale socket: %v", err)
	}
	_ = again.Close()
}

func TestListenRefuses(t *testing.T) {
	path := socketPath(t)
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); err == nil {
		t.Error("a file in the socket's place is not refused")
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "precious" {
		t.Errorf("the file is %q (%v)", content, err)
	}
	if err := os.Chmod(filepath.Dir(path), 0o750); err != nil { //nolint:gosec // what is refused
		t.Fatal(err)
	}
	if _, err := Listen(path); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("an open directory: %v", err)
	}
	if _, err := Listen(filepath.Join(path, "none", "s")); err == nil {
		t.Error("a directory that is not there is not refused")
	}
}
