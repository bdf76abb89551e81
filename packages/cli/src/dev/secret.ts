import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The secret that webhooks are signed with: WAYBILL_GITHUB_SECRET, or a random one that is made
 * once and kept with the data, so that a webhook set up yesterday still works today.
 */
export async function devSecret(data: string): Promise<string> {
  const given = process.env['WAYBILL_GITHUB_SECRET']
  if (given !== undefined && given !== '') return given
  const file = join(data, 'github-secret')
  const kept = await readFile(file, 'utf8').catch(() => '')
  if (kept.trim() !== '') return kept.trim()
  const secret = randomBytes(24).toString('hex')
  await writeFile(file, `${secret}\n`, { mode: 0o600 })
  return secret
}
