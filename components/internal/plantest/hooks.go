package plantest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

func (m *monitor) RegisterResourceHook(_ context.Context, r *pulumirpc.RegisterResourceHookRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, m.keep(r.GetName(), r.GetCallback())
}

func (m *monitor) RegisterErrorHook(_ context.Context, r *pulumirpc.RegisterErrorHookRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, m.keep(r.GetName(), r.GetCallback())
}

// keep keeps a hook. A second one of the same name is refused.
func (m *monitor) keep(hook string, callback *pulumirpc.Callback) error {
	m.engine.mu.Lock()
	defer m.engine.mu.Unlock()
	if m.callbacks == nil {
		m.callbacks = map[string]*pulumirpc.Callback{}
	}
	if m.callbacks[hook] != nil {
		return fmt.Errorf("resource hook already registered for name %q", hook)
	}
	m.callbacks[hook] = callback
	return nil
}

// create calls the hooks of a resource that is about to be created, if it is one whose
// creation fails at first. It reports whether a hook has it created again.
func (m *monitor) create(ctx context.Context, r *pulumirpc.RegisterResourceRequest) (again bool, err error) {
	if !slices.Contains(m.engine.FailFirst, r.GetName()) {
		return false, nil
	}
	for _, hook := range r.GetHooks().GetBeforeCreate() {
		var answer pulumirpc.ResourceHookResponse
		request := &pulumirpc.ResourceHookRequest{Name: r.GetName(), Type: r.GetType(), NewInputs: r.GetObject()}
		if err := m.call(ctx, hook, request, &answer, answer.GetError); err != nil {
			return false, err
		}
	}
	for _, hook := range r.GetHooks().GetOnError() {
		failures := m.engine.Failures
		if failures == nil {
			failures = []string{"the first creation fails"}
		}
		var answer pulumirpc.ErrorHookResponse
		request := &pulumirpc.ErrorHookRequest{
			Name: r.GetName(), Type: r.GetType(), NewInputs: r.GetObject(), FailedOperation: "create", Errors: failures,
		}
		if err := m.call(ctx, hook, request, &answer, answer.GetError); err != nil {
			return false, err
		}
		again = again || answer.GetRetry()
	}
	return again, nil
}

// call calls a hook. problem is what its answer says of an error.
func (m *monitor) call(ctx context.Context, hook string, request, answer proto.Message, problem func() string) error {
	m.engine.mu.Lock()
	callback := m.callbacks[hook]
	m.engine.mu.Unlock()
	raw, err := proto.Marshal(request)
	if err != nil {
		return fmt.Errorf("hook %s: %w", hook, err)
	}
	connection, err := grpc.NewClient(callback.GetTarget(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("hook %s: %w", hook, err)
	}
	defer connection.Close()
	response, err := pulumirpc.NewCallbacksClient(connection).Invoke(ctx, &pulumirpc.CallbackInvokeRequest{Token: callback.GetToken(), Request: raw})
	if err == nil {
		err = proto.Unmarshal(response.GetResponse(), answer)
	}
	if err == nil && problem() != "" {
		err = errors.New(problem())
	}
	if err != nil {
		return fmt.Errorf("hook %s: %w", hook, err)
	}
	return nil
}
