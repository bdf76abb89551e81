import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sliceOf, writeExport } from '@waybill/cli'
import { encodeBatch, encodeBundle, sha256, walk } from '@waybill/log'
import { createStory } from '../../packages/history/test/story.ts'
import { dispatchesOf, historyDir, historyNames, type RecordedBundle } from './history.ts'
import { stories } from './stories.ts'

/*
 * Writes the histories that are missing: `node --conditions=@waybill/source test/golden/make.ts`.
 * What is there is never written again, whatever this build would make of it today.
 */
const there = new Set(await historyNames())
for (const [name, tell] of Object.entries(stories)) {
  if (!there.has(name)) await make(name, tell)
}

async function make(name: string, tell: (typeof stories)[string]): Promise<void> {
  const story = createStory()
  await tell(story)
  await story.commit()
  const bundles: RecordedBundle[] = []
  for await (const bundle of walk(story)) bundles.push(bundle)
  const folder = join(historyDir, name)
  await mkdir(folder, { recursive: true })
  const messages = bundles.map(({ header, entries }) => encodeBundle(header, entries))
  for (const [at, id] of dispatchesOf(bundles).entries()) {
    const { slice } = await sliceOf(story, story.id.app, id)
    const file = join(folder, `dispatch-${at + 1}.waybill`)
    await writeFile(file, writeExport(sha256, slice, story.now), { flag: 'wx' })
  }
  await writeFile(join(folder, 'journal.bundles'), encodeBatch(messages), { flag: 'wx' })
  process.stdout.write(`${name}: ${bundles.length} bundles\n`)
}
