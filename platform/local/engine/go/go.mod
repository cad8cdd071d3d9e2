// Builds the Pulumi CLI from the Go module proxy. Its version is the one of the `pulumi` package in
// requirements/bmx.txt; the replace directive is Pulumi's own, which only counts in a main module.
module bluemoxon/engine

go 1.25.11

require (
	github.com/pulumi/pulumi/pkg/v3 v3.256.0
	github.com/pulumi/pulumi/sdk/v3 v3.256.0
)

replace github.com/atotto/clipboard => github.com/tgummerer/clipboard v0.0.0-20241001131231-d02d263e614e
