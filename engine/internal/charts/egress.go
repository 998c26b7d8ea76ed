package charts

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"berth.dev/engine/gen/enginev1"
	"berth.dev/engine/internal/problem"
)

// policy is an egress policy. Addresses are checked where the socket opens,
// after DNS, so that no name and no redirect leads around it.
type policy struct {
	egress *enginev1.EgressPolicy
	blocks []netip.Prefix
}

func newPolicy(egress *enginev1.EgressPolicy) (*policy, error) {
	made := &policy{egress: egress}
	for _, text := range egress.GetAllowedCidrs() {
		block, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, &problem.Error{
				Code: "INVALID_ARGUMENT", Field: "chart.egress", Cause: err,
				Message: fmt.Sprintf("The egress policy has no valid block %.100q.", text),
			}
		}
		made.blocks = append(made.blocks, block)
	}
	return made, nil
}

// checkHost refuses a host by its name.
func (p *policy) checkHost(host string) error {
	isSame := func(allowed string) bool { return hostName(allowed) == hostName(host) }
	if allowed := p.egress.GetAllowedHosts(); len(allowed) > 0 && !slices.ContainsFunc(allowed, isSame) {
		return refusedAddress(host)
	}
	return nil
}

// control refuses an address; a net.Dialer calls it for each one it tries.
func (p *policy) control(_, address string, _ syscall.RawConn) error {
	endpoint, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := endpoint.Addr().Unmap().WithZone("")
	switch {
	// The unspecified address reaches this machine, as loopback does.
	case (ip.IsLoopback() || ip.IsUnspecified()) && !p.egress.GetAllowLoopback(),
		ip.IsLinkLocalUnicast() && !p.egress.GetAllowLinkLocal(),
		ip.IsMulticast():
		return refusedAddress(ip.String())
	}
	if len(p.blocks) == 0 || slices.ContainsFunc(p.blocks, func(block netip.Prefix) bool { return block.Contains(ip) }) {
		return nil
	}
	return refusedAddress(ip.String())
}

// hostName is how hosts compare: without case, and without the root's dot.
func hostName(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

func refusedAddress(address string) error {
	return &problem.Error{Code: "CHART_SOURCE_REFUSED", Message: fmt.Sprintf("Nothing may be fetched from %.200s.", address), Field: "chart.repository"}
}
