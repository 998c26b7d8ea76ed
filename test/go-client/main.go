// Command go-client calls a gRPC server as grpcurl does: it knows nothing of it
// but what reflection tells. It writes the server's methods as one line of JSON,
// then reads calls, a line each, and writes what each was answered.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// maxLine is how long a call may be, in bytes.
const maxLine = 16 << 20

// call is one line of the input.
type call struct {
	// Method is SERVICE/METHOD.
	Method   string            `json:"method"`
	Request  json.RawMessage   `json:"request"`
	Metadata map[string]string `json:"metadata"`
	// Messages of a stream that are read before it is left; 0 for all.
	Messages  int `json:"messages"`
	TimeoutMs int `json:"timeout_ms"`
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(address string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	server, err := reflect(context.Background(), connection)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(server.methods()); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var asked call
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return err
		}
		answered, err := answer(connection, server, asked)
		if err != nil {
			return fmt.Errorf("%s: %w", asked.Method, err)
		}
		if err := out.Encode(answered); err != nil {
			return err
		}
	}
	return lines.Err()
}

func answer(connection *grpc.ClientConn, server *reflected, asked call) (*answered, error) {
	limit := time.Minute
	if asked.TimeoutMs > 0 {
		limit = time.Duration(asked.TimeoutMs) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return server.call(ctx, connection, asked)
}
