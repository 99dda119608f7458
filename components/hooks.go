package components

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/preflight"
)

// maxRetries is how often the engine retries a resource at Cloudflare, after the
// provider's own retries have failed.
const maxRetries = 1

// maxRetryElapsed is for how long an operation may have taken that is retried. The provider
// waits for each answer as long as the connection lasts: after more than this, it has
// waited in vain several times.
const maxRetryElapsed = 45 * time.Second

// cleanupTimeout is for how long to look for the tunnel of a creation that has failed after
// so long: a command that gets no answers has to end within a minute or so.
func cleanupTimeout(after time.Duration) time.Duration {
	return max(time.Minute-after, 3*time.Second)
}

// failedCreation is in the provider's error if Cloudflare hasn't answered with a tunnel.
// After any other error, the engine has a tunnel to put into the state.
const failedCreation = "failed to create Argo Tunnel"

// resumable lets the engine complete an update that was interrupted while it created
// the tunnel, or for which the answer was lost: the tunnel that exists already is in
// the way. It doesn't stay when the engine gives up either, because the next update may
// want another one.
func (d *declaration) resumable() (pulumi.ResourceOption, error) {
	found := d.args.found
	remove := func(within context.Context, inputs resource.PropertyMap) error {
		account, tunnel := inputs["accountId"].StringValue(), inputs["name"].StringValue()
		id, err := found.client.RemoveLeftover(within, account, tunnel, found.last.ownTunnel)
		if err != nil || id == "" {
			return err
		}
		return d.ctx.Log.Info(fmt.Sprintf("deleted tunnel %s (%s), which an interrupted update had left behind", tunnel, id), &pulumi.LogArgs{Resource: d.component})
	}
	var began atomic.Pointer[time.Time] // each hook runs in a goroutine of its own
	began.Store(new(time.Now()))
	beforeCreate := func(args *pulumi.ResourceHookArgs) error {
		began.Store(new(time.Now()))
		return remove(d.ctx.Context(), args.NewInputs)
	}
	onError := func(args *pulumi.ErrorHookArgs) (bool, error) {
		after := time.Since(*began.Load())
		again := retry(args) && after <= maxRetryElapsed
		unrecorded := strings.Contains(args.Errors[0], failedCreation)
		if args.FailedOperation != "create" || !again && !unrecorded {
			return false, nil
		}
		within, cancel := context.WithTimeout(d.ctx.Context(), cleanupTimeout(after))
		defer cancel()
		if err := remove(within, args.NewInputs); err != nil {
			if !unrecorded {
				return false, nil
			}
			// An error would take the place of the provider's.
			return false, d.ctx.Log.Warn(fmt.Sprintf("tunnel %s may be left behind at Cloudflare: %s; run the same command again before you change any setting",
				args.NewInputs["name"].StringValue(), err), &pulumi.LogArgs{Resource: d.component})
		}
		return again, nil
	}
	before, err := d.ctx.RegisterResourceHook(found.position.hook("remove-leftover"), beforeCreate, nil)
	if err != nil {
		return nil, fmt.Errorf("registering the hook for a tunnel's leftover: %w", err)
	}
	again, err := d.ctx.RegisterErrorHook(found.position.hook("retry-creation"), onError)
	if err != nil {
		return nil, fmt.Errorf("registering the hook that retries a tunnel: %w", err)
	}
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{
		BeforeCreate: []*pulumi.ResourceHook{before}, OnError: []*pulumi.ErrorHook{again},
	}), nil
}

// recordHooks takes records of others over before the provider does so, and lets the engine
// retry records: creating one that exists overwrites it, so that a lost answer does no harm.
//
// The provider would leave a record that it can't change in the state, so that destroy would
// delete it. taken are the records to take over, by the logical names of those that take
// their places.
func (d *declaration) recordHooks(taken map[string]preflight.TakenRecord) (pulumi.ResourceOption, error) {
	found := d.args.found
	before, err := d.ctx.RegisterResourceHook(found.position.hook("take-over"), func(args *pulumi.ResourceHookArgs) error {
		record, foreign := taken[args.Name]
		if !foreign {
			return nil
		}
		in := args.NewInputs
		return found.client.TakeOver(d.ctx.Context(), in["zoneId"].StringValue(), record, in["content"].StringValue(), in["comment"].StringValue())
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("registering the hook that takes records over: %w", err)
	}
	onError, err := d.ctx.RegisterErrorHook(found.position.hook("retry-record"), func(args *pulumi.ErrorHookArgs) (bool, error) {
		if retry(args) {
			return true, nil
		}
		// The provider's errors don't say what they are about.
		switch {
		case slices.ContainsFunc(args.Errors, timedOut):
			return false, d.ctx.Log.Error(fmt.Sprintf("record %s: Cloudflare's API didn't answer in time to %s it", args.Name, args.FailedOperation), nil)
		case slices.ContainsFunc(args.Errors, zoneFull):
			return false, d.ctx.Log.Error(fmt.Sprintf("record %s: its zone has as many records as the plan at Cloudflare allows; "+
				"delete some there (DNS, Records), or replace single names by a wildcard", args.Name), nil)
		}
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("registering the hook that retries records: %w", err)
	}
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{
		BeforeCreate: []*pulumi.ResourceHook{before}, OnError: []*pulumi.ErrorHook{onError},
	}), nil
}

func timedOut(message string) bool {
	return strings.Contains(message, context.DeadlineExceeded.Error())
}

// zoneFull reports whether an error is about a zone's quota of records.
func zoneFull(message string) bool { return strings.Contains(message, "(81045)") }

// retry reports whether to retry an operation. A deletion isn't, as it fails the same
// way if only its answer was lost. The next update's refresh notices that a record is
// gone, but not that a tunnel is: docs/troubleshooting.md says what to do.
func retry(args *pulumi.ErrorHookArgs) bool {
	return args.FailedOperation != "delete" && len(args.Errors) <= maxRetries
}
