import type { Command } from 'commander'
import { act } from '../cli.ts'
import { usage } from '../error.ts'

export function completion(program: Command): void {
  program
    .command('completion')
    .description('a script for your shell, made from the command tree')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText(
      'after',
      '\n  source <(waybill completion bash)\n  waybill completion fish | source',
    )
    .action(
      act(async (_cli, _options, shell = '') => {
        const write = scripts[shell]
        if (!write)
          throw usage(`there is no completion for ${shell}`, undefined, 'one of: bash, zsh, fish')
        process.stdout.write(`${write(words(program))}\n`)
      }),
    )
}

/** What may come after a path of commands: sub-commands and flags. */
interface Place {
  /** As in `dispatch ls`; empty at the top. */
  readonly path: string
  readonly words: readonly { readonly word: string; readonly about: string }[]
}

function words(program: Command): readonly Place[] {
  const globals = flagsOf(program)
  const places: Place[] = []
  const visit = (command: Command, path: string): void => {
    const children = command.commands.map((child) => ({
      word: child.name(),
      about: child.description(),
    }))
    const flags = command === program ? globals : [...flagsOf(command), ...globals]
    places.push({ path, words: [...children, ...flags] })
    for (const child of command.commands)
      visit(child, path === '' ? child.name() : `${path} ${child.name()}`)
  }
  visit(program, '')
  return places
}

const flagsOf = (command: Command): Place['words'] =>
  command.options.flatMap(({ long, description }) =>
    typeof long !== 'string' ? [] : [{ word: long, about: description }],
  )

const scripts: Readonly<Record<string, (places: readonly Place[]) => string>> = { bash, zsh, fish }

/** Words so far that are no flags make the path; the longest known one answers. */
function bash(places: readonly Place[]): string {
  return `${lookup(places)}
_waybill_complete() {
  COMPREPLY=($(compgen -W "$(_waybill_words "\${COMP_WORDS[@]:1:COMP_CWORD-1}")" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _waybill_complete waybill`
}

function zsh(places: readonly Place[]): string {
  return `#compdef waybill
${lookup(places)}
_waybill() {
  compadd -- \${(f)"$(_waybill_words "\${(@)words[2,CURRENT-1]}" | tr ' ' '\\n')"}
  _files
}
compdef _waybill waybill`
}

function lookup(places: readonly Place[]): string {
  const cases = places.map(
    ({ path, words: list }) => `    '${path}') echo '${list.map(({ word }) => word).join(' ')}' ;;`,
  )
  return `_waybill_words() {
  local path='' word
  for word in "$@"; do
    case "$word" in -*) ;; *) case " ${places.map(({ path }) => path).join(' | ')} " in *" \${path:+$path }$word "*) path="\${path:+$path }$word" ;; esac ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
}`
}

function fish(places: readonly Place[]): string {
  const quote = (text: string): string =>
    `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  return places
    .flatMap(({ path, words: list }) =>
      list.map(({ word, about }) => {
        const condition = path === '' ? '__fish_use_subcommand' : conditionOf(path)
        const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`
        return `complete -c waybill -n ${quote(condition)} ${what} -d ${quote(about)}`
      }),
    )
    .join('\n')
}

const conditionOf = (path: string): string =>
  path
    .split(' ')
    .map((word) => `__fish_seen_subcommand_from ${word}`)
    .join('; and ')
