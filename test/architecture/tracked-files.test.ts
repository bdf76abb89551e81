import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { root } from './workspace.ts'

const binary = /\.(png|ico|woff2?|gz|bin|wbj)$/

/** Where packages come from is the user's own configuration, never ours. */
const forbidden = {
  'a registry host':
    /\b(registry\.[a-z0-9-]+\.[a-z]{2,}|deb\.debian\.org|archive\.ubuntu\.com|proxy\.golang\.org)\b/i,
  'a path of one machine': /(?<![\w.:/-])\/(root|home|Users|work)\/[\w.-]+/,
  'a resolved archive': /^\s*(resolved|tarball): https?:/m,
}

test.skipIf(!existsSync(join(root, '.git')))(
  'no tracked file names a registry or a path of the machine it was written on',
  async () => {
    const { stdout } = await promisify(execFile)(
      'git',
      ['ls-files', '--cached', '--others', '--exclude-standard'],
      { cwd: root, maxBuffer: 16 * 1024 * 1024 },
    )
    const files = stdout.split('\n').filter((file) => file && !binary.test(file))
    const found: string[] = []
    for (const file of files) {
      const text = await readFile(join(root, file), 'utf8').catch(() => '')
      for (const [what, pattern] of Object.entries(forbidden)) {
        const match = pattern.exec(text)
        if (match) found.push(`${file}: ${what}: ${match[0]}`)
      }
    }
    expect(found).toEqual([])
    expect(files.length).toBeGreaterThan(50)
  },
)
