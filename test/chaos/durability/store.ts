import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { call, mount } from '../root.ts'

const imageSize = '256M'

/** A folder for one server; with an image, on a file system of its own that can be cut off. */
export interface Store extends AsyncDisposable {
  readonly dir: string
  /** What a power cut at this moment would leave, in a file. */
  cut(to: string): Promise<void>
  /** Such a file instead of what is there now; nothing may run on it. */
  replace(image: string): Promise<void>
}

export async function makeImage(file: string): Promise<void> {
  await call('truncate', '--size', imageSize, file)
  await call('mkfs.ext4', '-q', '-F', file)
}

/** The file system in `image`, mounted below `dir`; without one, `dir` itself. */
export async function openStore(dir: string, image: string | undefined): Promise<Store> {
  const store = join(dir, 'nats')
  if (image === undefined) {
    const none = (): never => {
      throw new Error('a folder without a file system of its own has no power to cut')
    }
    return { dir: store, cut: none, replace: none, async [Symbol.asyncDispose]() {} }
  }
  let current = image
  let disk = await mountOf(dir, current)
  return {
    dir: store,
    cut: (to) => copyFile(current, to),
    async replace(other) {
      await disk[Symbol.asyncDispose]()
      current = other
      disk = await mountOf(dir, current)
    },
    [Symbol.asyncDispose]: () => disk[Symbol.asyncDispose](),
  }
}

async function mountOf(dir: string, image: string) {
  const disk = await mount(dir, '-o', 'loop', image)
  // It names a process of this boot, which still lives; a machine without power has none.
  await rm(join(dir, 'nats', 'lock.json'), { force: true })
  return disk
}
