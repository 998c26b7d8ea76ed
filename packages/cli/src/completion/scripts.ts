/** What each shell is told: it asks the program itself, so that all three complete the same. */
export const COMPLETION_SCRIPTS = {
  bash: `# berth completion for bash: source <(berth completion bash)
_berth() {
  local IFS=$'\\n'
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  # In bash = and : divide words.
  mapfile -t COMPREPLY < <(compgen -W "$(berth __complete -- "\${words[@]}" 2>/dev/null | cut -f1)" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _berth berth
`,
  zsh: `#compdef berth
# berth completion for zsh: source <(berth completion zsh)
_berth() {
  local -a found
  local line
  while IFS=$'\\t' read -r word what; do
    found+=("\${word//:/\\\\:}:\${what}")
  done < <(berth __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#found} )); then _describe berth found; else _files; fi
}
compdef _berth berth
`,
  fish: `# berth completion for fish: berth completion fish | source
function __berth_complete
  set -l words (commandline -opc) (commandline -ct)
  berth __complete -- $words[2..-1] 2>/dev/null
end
complete -c berth -a '(__berth_complete)'
`,
} as const;
