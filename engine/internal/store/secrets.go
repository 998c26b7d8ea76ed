package store

import (
	"context"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

// secrets is the client that Helm's Secret driver writes through.
type secrets struct {
	corev1.SecretInterface
	records *records
}

func (s *secrets) Get(ctx context.Context, name string, options metav1.GetOptions) (*v1.Secret, error) {
	if stored, ok := s.records.recalled(name).(*v1.Secret); ok {
		return stored, nil
	}
	found, err := s.SecretInterface.Get(ctx, name, options)
	if err == nil {
		s.records.seen(found)
	}
	return found, err
}

func (s *secrets) List(ctx context.Context, options metav1.ListOptions) (*v1.SecretList, error) {
	list, err := s.SecretInterface.List(ctx, options)
	if err == nil {
		for i := range list.Items {
			s.records.seen(&list.Items[i])
		}
	}
	return list, err
}

func (s *secrets) Create(ctx context.Context, secret *v1.Secret, options metav1.CreateOptions) (*v1.Secret, error) {
	if err := s.records.prepare(secret, len(secret.Data["release"])); err != nil {
		return nil, err
	}
	secret.ResourceVersion = ""
	made, err := s.SecretInterface.Create(ctx, secret, options)
	return made, s.records.written(made, err)
}

func (s *secrets) Update(ctx context.Context, secret *v1.Secret, options metav1.UpdateOptions) (*v1.Secret, error) {
	if err := s.records.prepare(secret, len(secret.Data["release"])); err != nil {
		return nil, err
	}
	made, err := s.SecretInterface.Update(ctx, secret, options)
	return made, s.records.written(made, err)
}

func (s *secrets) Delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	if err := s.records.options.Hold.Check(); err != nil {
		return err
	}
	return s.SecretInterface.Delete(ctx, name, options)
}
