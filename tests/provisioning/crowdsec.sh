#!/bin/sh
# Feeds the decisions of CrowdSec to corexdp. Needs jq.
#
# Usage: crowdsec.sh < RESPONSE | corexdp add -
#
# RESPONSE is a JSON document of CrowdSec's API, /v1/decisions/stream: the decisions that are new, and those that are
# deleted. Each decision about an address or a network (scope Ip or Range, type ban) becomes a line for `corexdp add -`.
# FIELDS are the value of an entry (default action=ACL_DROP), MAP the map, such as @nets.
#
# A bouncer asks with startup=true once, and then every few seconds:
#
#    url=http://127.0.0.1:8080/v1/decisions/stream
#    curl -sf -H "X-Api-Key: $KEY" "$url?startup=true" | crowdsec.sh | corexdp add -
#    while sleep 10; do
#        curl -sf -H "X-Api-Key: $KEY" "$url" | crowdsec.sh | corexdp add - || true
#    done
#
# `corexdp add -` warns of a deleted decision that has ended already; its exit status is then 1.
set -eu

exec jq -r --arg fields "${FIELDS:-action=ACL_DROP}" --arg map "${MAP:+$MAP }" '
    def addresses: select(.type == "ban" and (.scope | ascii_downcase | . == "ip" or . == "range")
        and (.value | test("^[0-9A-Fa-f:./]+$")));
    # CrowdSec writes fractions of a second, and a negative time for a decision that is over.
    (.deleted // [] | .[] | addresses | "delete \($map)\(.value)"),
    (.new // [] | .[] | addresses | select(.duration | test("^[0-9]")) |
        "\($map)\(.value) \($fields) for \(.duration)")
'
