# shellcheck shell=bash
# Completion for bash: source it, or install it as
# /usr/share/bash-completion/completions/corexdp. It needs no other package.

# Appends the results of compgen to COMPREPLY.
_corexdp_add() {
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "$@")
}

# Completes files; with $2, only names that end in it, and folders.
_corexdp_files() {
    # compopt fails outside of readline.
    compopt -o filenames 2>/dev/null
    if [ -n "${2-}" ]; then
        _corexdp_add -d -- "$1"
        _corexdp_add -f -X "!*$2" -- "$1"
    else
        _corexdp_add -f -- "$1"
    fi
}

# Completes interfaces.
_corexdp_interfaces() {
    local names=(/sys/class/net/*)
    _corexdp_add -W "${names[*]##*/}" -- "$1"
}

# True if an option takes a value.
_corexdp_takes_value() {
    case $1 in
    -conf | -fallback | -log | -control | -pidfile | -state | -confirm | -measure) ;;
    -i | -c | -w | -for | -verdict | -one-in | -rate | -by | -n) ;;
    *) return 1 ;;
    esac
}

# Completes the value of an option.
_corexdp_value() {
    case $1 in
    -conf)
        _corexdp_add -W stdin -- "$2"
        _corexdp_files "$2"
        ;;
    -fallback | -control | -pidfile | -w) _corexdp_files "$2" ;;
    -state) _corexdp_add -d -- "$2" ;;
    -log) _corexdp_add -W 'stderr syslog' -- "$2" ;;
    -verdict) _corexdp_add -W 'pass drop tx redirect aborted' -- "$2" ;;
    -i) _corexdp_interfaces "$2" ;;
    -by) _corexdp_add -W 'source network name suffix type verdict' -- "$2" ;;
        # The other options take a time or a number, which has no completion.
    esac
}

# Completes a word after the command $1 (default `run`); $2 is the number of words before it.
_corexdp_word() {
    local words
    case $1 in
    run) words='-conf --fallback --confirm --log --control --pidfile --state -quiet' ;;
    check) words='-conf --json' ;;
    expand) words='-conf' ;;
    inspect) words='--json' ;;
    status) words='--json --measure --control' ;;
    dump) words='--json --control' ;;
    capture) words='-i --verdict -c --for -w --one-in --rate --control' ;;
    top) words='-i --by -n --for --json --control' ;;
    add | delete) words='-i --state --control' ;;
    test) words='-i --control' ;;
    reload) words='-conf --confirm --control' ;;
    confirm) words='--control' ;;
    '') words='-conf --fallback --confirm --log --control --pidfile --state -quiet --version --help' ;;
    esac
    if [[ $3 == -* ]]; then
        _corexdp_add -W "$words" -- "$3"
    elif [ -z "$1" ]; then
        _corexdp_add -W 'run check expand inspect status dump capture top add delete test reload confirm' -- "$3"
    elif [ "$1" = inspect ] && [ "$2" = 0 ]; then
        _corexdp_files "$3" .o
    else
        _corexdp_add -W "$words" -- "$3"
    fi
}

_corexdp() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command='' objects=0 i
    COMPREPLY=()
    # Readline splits `--log=sys` into three words.
    if [ "$word" = = ]; then
        word=
    elif [ "$before" = = ]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        =) i=$((i + 1)) ;;
        -*)
            # Options have one dash or two.
            if [ "${COMP_WORDS[i + 1]}" != = ] && _corexdp_takes_value "${COMP_WORDS[i]/#--/-}"; then
                i=$((i + 1))
            fi
            ;;
        *)
            [ -n "$command" ] && objects=$((objects + 1))
            command=${command:-${COMP_WORDS[i]}}
            ;;
        esac
    done
    before=${before/#--/-}
    if _corexdp_takes_value "$before"; then
        _corexdp_value "$before" "$word"
    else
        _corexdp_word "$command" "$objects" "$word"
    fi
}

complete -F _corexdp corexdp
