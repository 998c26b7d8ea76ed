package store

import (
	"context"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

// configMaps is the client that Helm's ConfigMap driver writes through.
type configMaps struct {
	corev1.ConfigMapInterface
	records *records
}

func (s *configMaps) Get(ctx context.Context, name string, options metav1.GetOptions) (*v1.ConfigMap, error) {
	if stored, ok := s.records.recalled(name).(*v1.ConfigMap); ok {
		return stored, nil
	}
	found, err := s.ConfigMapInterface.Get(ctx, name, options)
	if err == nil {
		s.records.seen(found)
	}
	return found, err
}

func (s *configMaps) List(ctx context.Context, options metav1.ListOptions) (*v1.ConfigMapList, error) {
	list, err := s.ConfigMapInterface.List(ctx, options)
	if err == nil {
		for i := range list.Items {
			s.records.seen(&list.Items[i])
		}
	}
	return list, err
}

func (s *configMaps) Create(ctx context.Context, configMap *v1.ConfigMap, options metav1.CreateOptions) (*v1.ConfigMap, error) {
	if err := s.records.prepare(configMap, len(configMap.Data["release"])); err != nil {
		return nil, err
	}
	configMap.ResourceVersion = ""
	made, err := s.ConfigMapInterface.Create(ctx, configMap, options)
	return made, s.records.written(made, err)
}

func (s *configMaps) Update(ctx context.Context, configMap *v1.ConfigMap, options metav1.UpdateOptions) (*v1.ConfigMap, error) {
	if err := s.records.prepare(configMap, len(configMap.Data["release"])); err != nil {
		return nil, err
	}
	made, err := s.ConfigMapInterface.Update(ctx, configMap, options)
	return made, s.records.written(made, err)
}

func (s *configMaps) Delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	if err := s.records.options.Hold.Check(); err != nil {
		return err
	}
	return s.ConfigMapInterface.Delete(ctx, name, options)
}
