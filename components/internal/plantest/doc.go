// Package plantest runs Pulumi programs in tests against a stand-in for the engine
// and the providers, which records what a program registers, outputs and logs.
//
// The program talks to it over gRPC, as it does to the real engine. The SDK's own
// mocks show neither outputs nor messages, and know all values in a preview.
package plantest
