# Types each LINE into a zsh with src/completion/_corexdp, presses the tab key, and prints the completed line. Files
# are completed from the working directory.
#
# Usage: zsh -f complete.zsh FOLDER LINE...
zmodload zsh/zpty || exit
zpty shell zsh -f -i

# Ctrl-T prints the command line between << and >>, which nothing else prints, and clears the line.
zpty -w shell "PS1=; unsetopt prompt_cr prompt_sp; stty -echo 2>/dev/null; fpath=(${(q)1} \$fpath)
autoload -Uz compinit; compinit -u -D
show() { print -r -- \"<\"\"<\$BUFFER>\"\">\"; BUFFER=; zle reset-prompt }; zle -N show; bindkey '^T' show
bindkey '^I' complete-word; print REA''DY"
zpty -r -m shell ready '*READY*' || exit
shift
for line; do
    zpty -w -n shell "$line"$'\t\x14'
    zpty -r -m shell seen '*<<*>>*' || exit
    seen=${seen##*<<}
    print -r -- "${seen%%>>*}"
done
