package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// probeTimeout is how long a socket that is there may take to prove that
// somebody listens on it.
const probeTimeout = time.Second

// Listen opens the engine's socket. Its directory must belong to its owner
// alone: whoever reaches the socket may act with the credentials of each call.
// A socket that nobody listens on any more is removed; nothing else is.
func Listen(path string) (net.Listener, error) {
	if err := checkDirectory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = listener.Close()
		return nil, err
	}
	return listener, nil
}

func checkDirectory(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return errors.New("the socket's directory must be readable by its owner alone (chmod 700)")
	}
	if system, known := info.Sys().(*syscall.Stat_t); known && int(system.Uid) != os.Geteuid() {
		return errors.New("the socket's directory belongs to another user")
	}
	return nil
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("there is a file in the socket's place: %s", filepath.Base(path))
	}
	if answer, err := net.DialTimeout("unix", path, probeTimeout); err == nil {
		_ = answer.Close()
		return errors.New("another engine listens on the socket")
	}
	return os.Remove(path)
}
