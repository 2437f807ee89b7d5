# Sourced first by the scripts of .ci and by some of checks, from the root of the checkout.

# Some tools call rustup by themselves. No check may depend on it.
export RUSTUP_DIST_SERVER=http://127.0.0.1:9
export CARGO_TERM_COLOR=never

# Nobody opens a debugger here.
export CARGO_PROFILE_DEV_DEBUG=0

step() { printf '\n== %s\n' "$*"; }

install() { # PACKAGE
    [ -n "${updated:-}" ] || { apt-get update -qq && updated=1; }
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$1" >/dev/null
}

needs() { # COMMAND PACKAGE
    command -v "$1" >/dev/null || install "$2"
}

tool() { # CRATE VERSION
    cargo install -q --locked "$1@$2"
}

# Runs a control. The command must fail, and its output must contain TEXT.
fails_by() { # TEXT COMMAND...
    local output
    if output=$("${@:2}" 2>&1) || ! grep -F -m 1 "$1" <<<"$output"; then
        printf 'the control passed, or it failed for another reason: %s\n%s\n' "${*:2}" "$output"
        return 1
    fi
}
