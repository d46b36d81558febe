// Reads a dashboard with Grafana's own types: unknown or missing keys, values of the wrong kind and
// numbers out of bounds are each a line, and exit 1.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// The decoder returns an empty list where nothing is wrong.
func isError(err error) bool {
	var problems cog.BuildErrors
	return err != nil && !(errors.As(err, &problems) && len(problems) == 0)
}

func check(text []byte) error {
	runtime := cog.NewRuntime()
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	var board dashboard.Dashboard
	if err := board.UnmarshalJSONStrict(text); isError(err) {
		return err
	}
	return board.Validate()
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = check(text)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
