import { registerHooks } from 'node:module'
import type { FaultKind } from './faults.ts'

/** A fault in the product's own text: what a careless hand could have written. */
export interface Mutant {
  readonly name: string
  /** What is wrong with it, in words. */
  readonly what: string
  /** From the root of the repository. */
  readonly file: string
  /** Stands there once; white space is as one likes it. */
  readonly find: string
  readonly replace: string
  /** A fault so rare that only seeds which draw it are tried. */
  readonly needs?: FaultKind
}

/**
 * Plants it in the text of a module as that is loaded; nothing in the product knows of it.
 *
 * @returns whether its module was loaded by now
 */
export function plant(mutant: Mutant): () => boolean {
  let done = false
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!url.endsWith(`/${mutant.file}`) || !loaded.source) return loaded
      done = true
      return { ...loaded, source: mutate(mutant, Buffer.from(loaded.source as Buffer).toString()) }
    },
  })
  return () => done
}

/** @throws when the text has moved on, and the mutant has to follow it */
export function mutate({ name, file, find, replace }: Mutant, text: string): string {
  const pattern = find.trim().split(/\s+/).map(escape).join('\\s*')
  const found = [...text.matchAll(new RegExp(pattern, 'g'))]
  const [only] = found
  if (!only || found.length > 1) {
    throw new Error(`mutant ${name}: ${found.length} places in ${file} for: ${find}`)
  }
  return text.slice(0, only.index) + replace + text.slice(only.index + only[0].length)
}

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
