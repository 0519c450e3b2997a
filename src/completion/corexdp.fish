# Completion for fish: install it as
# /usr/share/fish/vendor_completions.d/corexdp.fish.

# True if the command is one of the arguments. The default command is `run`.
function __corexdp_is
    for word in (commandline -opc)[2..]
        if contains -- $word run check expand inspect status dump capture top add delete test reload confirm
            contains -- $word $argv
            return
        end
    end
    contains -- run $argv
end

complete -c corexdp -f

complete -c corexdp -n __fish_use_subcommand -a run -d 'Attach the filters and serve until told to stop'
complete -c corexdp -n __fish_use_subcommand -a check -d 'Validate the Corefile and its objects'
complete -c corexdp -n __fish_use_subcommand -a expand -d 'Print the parsed Corefile as JSON'
complete -c corexdp -n __fish_use_subcommand -a inspect -d 'Show programs and maps of an object'
complete -c corexdp -n __fish_use_subcommand -a status -d 'Show the status of the daemon'
complete -c corexdp -n __fish_use_subcommand -a dump -d 'Print every entry of the running maps'
complete -c corexdp -n __fish_use_subcommand -a capture -d 'Show packets with their verdict'
complete -c corexdp -n __fish_use_subcommand -a top -d 'Show who sends most, and what'
complete -c corexdp -n __fish_use_subcommand -a add -d 'Add an entry now'
complete -c corexdp -n __fish_use_subcommand -a delete -d 'Delete an entry that was added'
complete -c corexdp -n __fish_use_subcommand -a test -d 'Show the entry that decides'
complete -c corexdp -n __fish_use_subcommand -a reload -d 'Read the Corefile again'
complete -c corexdp -n __fish_use_subcommand -a confirm -d 'Keep the pending start or reload'
complete -c corexdp -n __fish_use_subcommand -l version -d 'Print the version'
complete -c corexdp -n __fish_use_subcommand -l help -d 'Print a summary'

complete -c corexdp -n '__corexdp_is run check expand reload' -o conf -r -F -a stdin -d 'The Corefile'
complete -c corexdp -n '__corexdp_is run' -l fallback -r -F -d 'The Corefile that runs while the other is refused'
complete -c corexdp -n '__corexdp_is run reload' -l confirm -x -d 'Roll back unless confirmed within this time'
complete -c corexdp -n '__corexdp_is run status dump capture top add delete test reload confirm' -l control -r -F -d 'Where the daemon listens'
complete -c corexdp -n '__corexdp_is check inspect status dump top' -l json -d 'Print JSON'
complete -c corexdp -n '__corexdp_is run' -l log -x -a 'stderr syslog' -d 'Destination of messages'
complete -c corexdp -n '__corexdp_is run' -l pidfile -r -F -d 'Write the process id here once attached'
complete -c corexdp -n '__corexdp_is run' -o quiet -d 'Log nothing'
complete -c corexdp -n '__corexdp_is status' -l measure -x -d 'Let the kernel count program runs for this time'
complete -c corexdp -n '__corexdp_is capture top add delete test' -s i -x -a '(command ls /sys/class/net)' -d 'Only this interface'
complete -c corexdp -n '__corexdp_is run add delete' -l state -x -a '(__fish_complete_directories)' -d 'Keeps what was added over a restart'
complete -c corexdp -n '__corexdp_is capture' -l verdict -x -a 'pass drop tx redirect aborted' -d 'Only packets with these verdicts'
complete -c corexdp -n '__corexdp_is capture' -s c -x -d 'End after this number of packets'
complete -c corexdp -n '__corexdp_is capture top' -l for -x -d 'End after this time'
complete -c corexdp -n '__corexdp_is top' -l by -x -a 'source network name suffix type verdict' -d 'One table of this subject'
complete -c corexdp -n '__corexdp_is top' -s n -x -d 'Maximum number of rows in each table'
complete -c corexdp -n '__corexdp_is capture' -s w -r -F -d 'Write a pcapng file'
complete -c corexdp -n '__corexdp_is capture' -l one-in -x -d 'One packet in this number'
complete -c corexdp -n '__corexdp_is capture' -l rate -x -d 'Maximum number of packets a second'
complete -c corexdp -n '__corexdp_is inspect' -k -a '(__fish_complete_suffix .o)'
