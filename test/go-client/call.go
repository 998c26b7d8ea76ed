package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	// Registered, so that the details of errors can be read.
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
)

// answered is what became of a call.
type answered struct {
	Code     string            `json:"code"`
	Message  string            `json:"message"`
	Messages []json.RawMessage `json:"messages"`
	// Details of an error by their type, such as google.rpc.ErrorInfo.
	Details map[string]json.RawMessage `json:"details"`
}

// call makes one call, with one request and as many answers as there are.
func (r *reflected) call(ctx context.Context, connection *grpc.ClientConn, asked call) (*answered, error) {
	method, err := r.method(asked.Method)
	if err != nil {
		return nil, err
	}
	request := dynamicpb.NewMessage(method.Input())
	if err := (protojson.UnmarshalOptions{Resolver: r.types}).Unmarshal(asked.Request, request); err != nil {
		return nil, err
	}
	ctx = metadata.NewOutgoingContext(ctx, metadata.New(asked.Metadata))
	description := &grpc.StreamDesc{ServerStreams: method.IsStreamingServer(), ClientStreams: method.IsStreamingClient()}
	stream, err := connection.NewStream(ctx, description, "/"+asked.Method)
	if err != nil {
		return r.ended(nil, err)
	}
	if err := errors.Join(stream.SendMsg(request), stream.CloseSend()); err != nil {
		return r.ended(nil, err)
	}
	var messages []json.RawMessage
	for {
		message := dynamicpb.NewMessage(method.Output())
		if err := stream.RecvMsg(message); err != nil {
			return r.ended(messages, err)
		}
		text, err := r.encode(message)
		if err != nil {
			return nil, err
		}
		messages = append(messages, text)
		if !description.ServerStreams || len(messages) == asked.Messages {
			return r.ended(messages, nil)
		}
	}
}

func (r *reflected) ended(messages []json.RawMessage, err error) (*answered, error) {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	ending := status.Convert(err)
	result := &answered{Code: ending.Code().String(), Message: ending.Message(), Messages: messages, Details: map[string]json.RawMessage{}}
	for _, detail := range ending.Details() {
		message, ok := detail.(proto.Message)
		if !ok {
			return nil, detail.(error)
		}
		text, err := protojson.Marshal(message)
		if err != nil {
			return nil, err
		}
		result.Details[string(message.ProtoReflect().Descriptor().FullName())] = text
	}
	return result, nil
}

func (r *reflected) encode(message proto.Message) (json.RawMessage, error) {
	return protojson.MarshalOptions{Resolver: r.types, UseProtoNames: true, EmitUnpopulated: true}.Marshal(message)
}
