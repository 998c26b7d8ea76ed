package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// reflected is what a server says of itself.
type reflected struct {
	services []protoreflect.ServiceDescriptor
	types    *dynamicpb.Types
}

// reflect asks a server for its services and the files that they are made of.
func reflect(ctx context.Context, connection *grpc.ClientConn) (*reflected, error) {
	stream, err := reflection.NewServerReflectionClient(connection).ServerReflectionInfo(ctx)
	if err != nil {
		return nil, err
	}
	ask := func(request *reflection.ServerReflectionRequest) (*reflection.ServerReflectionResponse, error) {
		if err := stream.Send(request); err != nil {
			return nil, err
		}
		response, err := stream.Recv()
		if err == nil && response.GetErrorResponse() != nil {
			err = fmt.Errorf("reflection: %s", response.GetErrorResponse().GetErrorMessage())
		}
		return response, err
	}
	list, err := ask(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_ListServices{}})
	if err != nil {
		return nil, err
	}
	set, seen := &descriptorpb.FileDescriptorSet{}, map[string]bool{}
	var names []protoreflect.FullName
	for _, service := range list.GetListServicesResponse().GetService() {
		names = append(names, protoreflect.FullName(service.GetName()))
		request := &reflection.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service.GetName()}
		answer, err := ask(&reflection.ServerReflectionRequest{MessageRequest: request})
		if err != nil {
			return nil, err
		}
		for _, bytes := range answer.GetFileDescriptorResponse().GetFileDescriptorProto() {
			file := &descriptorpb.FileDescriptorProto{}
			if err := proto.Unmarshal(bytes, file); err != nil {
				return nil, err
			}
			if !seen[file.GetName()] {
				seen[file.GetName()] = true
				set.File = append(set.File, file)
			}
		}
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, err
	}
	return found(files, names)
}

func found(files *protoregistry.Files, names []protoreflect.FullName) (*reflected, error) {
	server := &reflected{types: dynamicpb.NewTypes(files)}
	for _, name := range names {
		descriptor, err := files.FindDescriptorByName(name)
		if err != nil {
			return nil, err
		}
		service, ok := descriptor.(protoreflect.ServiceDescriptor)
		if !ok {
			return nil, fmt.Errorf("%s is no service", name)
		}
		server.services = append(server.services, service)
	}
	return server, nil
}

// methods are SERVICE/METHOD of all there are.
func (r *reflected) methods() []string {
	var names []string
	for _, service := range r.services {
		for i := range service.Methods().Len() {
			names = append(names, nameOf(service.Methods().Get(i)))
		}
	}
	return names
}

// method finds a method by its SERVICE/METHOD.
func (r *reflected) method(name string) (protoreflect.MethodDescriptor, error) {
	for _, service := range r.services {
		for i := range service.Methods().Len() {
			if method := service.Methods().Get(i); nameOf(method) == name {
				return method, nil
			}
		}
	}
	return nil, fmt.Errorf("the server tells of no method %s", name)
}

func nameOf(method protoreflect.MethodDescriptor) string {
	return fmt.Sprintf("%s/%s", method.Parent().FullName(), method.Name())
}
