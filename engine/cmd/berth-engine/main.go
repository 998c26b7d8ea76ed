package main

import (
	_ "connectrpc.com/connect"
	_ "google.golang.org/protobuf/proto"
	_ "helm.sh/helm/v4/pkg/action"
	_ "k8s.io/api/core/v1"
	_ "k8s.io/apimachinery/pkg/apis/meta/v1"
	_ "k8s.io/client-go/kubernetes"
	_ "k8s.io/cli-runtime/pkg/genericclioptions"
	_ "k8s.io/client-go/dynamic"
	_ "sigs.k8s.io/yaml"
)

func main() {}
