//! The summary of commands and options.

/// Output of `--help`.
pub const HELP: &str = "\
corexdp filters packets by XDP in front of a DNS server, driven by its Corefile.

usage:
  corexdp [run]   [-conf FILE] [--fallback FILE] [--confirm DURATION]
                  [--log stderr|syslog] [--control PATH] [--pidfile FILE]
                  [--state DIR] [-quiet]
  corexdp check   [-conf FILE] [--json]   validate the Corefile and its objects
  corexdp expand  [-conf FILE]            print the parsed Corefile as JSON
  corexdp inspect PROGRAM [--json]        show programs and maps of an object
  corexdp status  [--json] [--measure DURATION]
                                          show the status of the daemon
  corexdp dump    [--json]                print every entry of the running maps
  corexdp capture [-i INTERFACE] [--verdict LIST] [-c COUNT] [--for TIME]
                  [-w FILE] [--one-in N] [--rate N]
                                          show packets with their verdict
  corexdp top     [-i INTERFACE] [--by SUBJECT] [-n N] [--for TIME] [--json]
                                          show who sends most, and what
  corexdp add     [-i INTERFACE] [@MAP] KEY FIELD=VALUE... [for TIME]
                                          add an entry now; `-` reads a batch
  corexdp delete  [-i INTERFACE] [@MAP] KEY
                                          delete an entry that was added
  corexdp test    [-i INTERFACE] [@MAP] KEY
                                          show the entry that decides
  corexdp reload  [-conf FILE] [--confirm DURATION]
                                          read the Corefile again, or try FILE
  corexdp confirm                         keep the pending start or reload
  corexdp --version | --help

  -conf FILE      the Corefile; `stdin` reads standard input
                  (default ./Corefile, then /etc/corexdp/Corefile)
  --fallback FILE the Corefile that runs while the other is refused
  --log WHERE     stderr, or syslog by /dev/log
                  (default syslog when standard error is not a terminal and
                  /dev/log exists)
  --pidfile FILE  write the process id here once attached
  --control PATH  where the daemon listens for the other commands
                  (default /run/corexdp.sock)
  --state DIR     keeps what was added over a restart (default /run/corexdp)
  --confirm TIME  roll back unless `corexdp confirm` arrives within TIME,
                  such as 60s
  --measure TIME  let the kernel count program runs for TIME
  -i INTERFACE    only packets, or maps, of INTERFACE
  --verdict LIST  only packets with these verdicts, such as drop,tx
  -c COUNT        end after COUNT packets
  --for TIME      end after TIME
  -w FILE         write a pcapng file; `-` for standard output
  --one-in N      one packet in N (default 1: every packet)
  --rate N        at most N packets a second (default 1000)
  --by SUBJECT    one table: source, network, name, suffix, type or verdict
                  (default sources and names)
  -n N            at most N rows in each table
  -quiet          log nothing

exit codes: 0 done, 1 nothing found, 64 usage, 65 object unusable,
66 file missing, 69 interface or daemon unavailable, 71 system error,
77 not permitted, 78 Corefile wrong
";
