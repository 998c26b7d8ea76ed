// Command berth-engine runs Helm's SDK behind a Unix socket for the Berth
// gateway, which starts it and holds its standard input: it ends with that.
// On standard output it says, a JSON object a line, that it is ready and which
// chart it could not render; its log goes to standard error.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"k8s.io/klog/v2"

	"berth.dev/engine/internal/actions"
	"berth.dev/engine/internal/server"
)

const (
	// defaultMemory is the garbage collector's limit where GOMEMLIMIT sets none.
	defaultMemory = 1 << 30
	// defaultGC lets the heap grow to two and a half times what is alive before it
	// is collected: an action's garbage is short-lived, and with 500 that wait at
	// once 300 took 400 MiB.
	defaultGC = 150
	// overrunExit is the exit code after a render that could not be ended.
	overrunExit = 86
)

type options struct {
	socket  string
	local   bool
	render  time.Duration
	level   slog.Level
	refused []string
}

func main() {
	var given options
	flag.StringVar(&given.socket, "socket", "", "path of the Unix socket; its directory must be owner-only")
	flag.BoolVar(&given.local, "allow-local-charts", false, "let charts come from files of this machine")
	flag.DurationVar(&given.render, "render-timeout", time.Minute, "how long one rendering may take")
	flag.TextVar(&given.level, "log-level", slog.LevelInfo, "DEBUG, INFO, WARN or ERROR")
	flag.Func("refuse-chart", "digest of a chart that is refused because its rendering did not end; repeatable", func(digest string) error {
		given.refused = append(given.refused, digest)
		return nil
	})
	flag.Parse()
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: given.level}))
	if err := run(given, log); err != nil {
		log.Error("the engine failed", "error", err.Error())
		os.Exit(1)
	}
}

func run(given options, log *slog.Logger) error {
	if given.socket == "" {
		return errors.New("--socket is missing")
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(defaultMemory)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(defaultGC)
	}
	forgetHelmEnvironment()
	silenceLibraries(log)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, ended := context.WithCancel(ctx)
	defer ended()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		ended()
	}()
	listener, err := server.Listen(given.socket)
	if err != nil {
		return err
	}
	runner := actions.New(actions.Options{
		AllowLocalCharts: given.local, RenderTimeout: given.render, RefusedCharts: given.refused, Log: log,
		OnRenderOverrun: func(digest string) {
			log.Error("a render took too long; the engine ends", "digest", digest)
			say(map[string]any{"renderOverrun": digest})
			os.Exit(overrunExit)
		},
	})
	say(map[string]any{"ready": true})
	return server.Serve(ctx, listener, runner, log)
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

// silenceLibraries keeps out of the log what Helm says there: its warnings
// quote values, which may be secrets. Kubernetes' client quotes none.
func silenceLibraries(log *slog.Logger) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	stdlog.SetOutput(io.Discard)
	klog.SetSlogLogger(log)
}
