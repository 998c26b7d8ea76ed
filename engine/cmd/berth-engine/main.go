// Command berth-engine runs Helm's SDK behind a Unix socket for the Berth
// gateway, which starts it and holds its standard input: it ends with that.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"berth.dev/engine/internal/actions"
	"berth.dev/engine/internal/server"
)

const (
	// defaultMemory is the garbage collector's limit where GOMEMLIMIT sets none.
	defaultMemory = 1 << 30
	// overrunExit is the exit code after a render that could not be ended.
	overrunExit = 86
)

func main() {
	socket := flag.String("socket", "", "path of the Unix socket; its directory must be owner-only")
	local := flag.Bool("allow-local-charts", false, "let charts come from files of this machine")
	render := flag.Duration("render-timeout", time.Minute, "how long one rendering may take")
	flag.Parse()
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if err := run(*socket, *local, *render, log); err != nil {
		fmt.Fprintln(os.Stderr, "berth-engine:", err)
		os.Exit(1)
	}
}

func run(socket string, local bool, render time.Duration, log *slog.Logger) error {
	if socket == "" {
		return fmt.Errorf("--socket is missing")
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(defaultMemory)
	}
	forgetHelmEnvironment()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, ended := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		ended()
	}()
	listener, err := server.Listen(socket)
	if err != nil {
		return err
	}
	say(map[string]any{"ready": true})
	runner := actions.New(actions.Options{
		AllowLocalCharts: local, RenderTimeout: render, Log: log,
		OnRenderOverrun: func(digest string) {
			log.Error("a render took too long; the engine ends", "digest", digest)
			say(map[string]any{"renderOverrun": digest})
			os.Exit(overrunExit)
		},
	})
	return server.Serve(ctx, listener, runner)
}

// say writes one line for the gateway.
func say(line map[string]any) {
	text, err := json.Marshal(line)
	if err == nil {
		fmt.Println(string(text))
	}
}

// forgetHelmEnvironment keeps the machine's Helm settings and plugins out.
func forgetHelmEnvironment() {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "HELM_") || name == "KUBECONFIG" {
			_ = os.Unsetenv(name)
		}
	}
}
