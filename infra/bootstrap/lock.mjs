import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { refuseWhenInterrupted } from './child.mjs'
import { say } from './problem.mjs'

const pollMs = 100
const silentMs = 2000

/**
 * One bootstrap at a time in one clone. The file appears with its content in one act (link), so
 * nobody reads half an owner; an owner that no longer lives is moved aside and the race goes on.
 * All the work under this lock is idempotent and ends in a rename, so the lock saves work, not data.
 */
export async function withLock(file, work) {
  mkdirSync(dirname(file), { recursive: true })
  const mine = `${file}.${process.pid}`
  writeFileSync(mine, String(process.pid))
  try {
    await take(file, mine)
    return await work()
  } finally {
    rmSync(mine, { force: true })
    if (owner(file) === process.pid) rmSync(file, { force: true })
  }
}

async function take(file, mine) {
  const since = Date.now()
  for (let told = false; !tryLink(mine, file);) {
    refuseWhenInterrupted()
    const pid = owner(file)
    if (pid === undefined) continue
    if (!isAlive(pid)) {
      moveAside(file)
      continue
    }
    if (!told && Date.now() - since > silentMs) {
      told = true
      say(`waiting for another bootstrap (process ${pid}) to finish`)
    }
    await delay(pollMs)
  }
}

function tryLink(mine, file) {
  try {
    linkSync(mine, file)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    return false
  }
}

function owner(file) {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return undefined
  }
}

function moveAside(file) {
  const aside = `${file}.stale.${process.pid}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
  rmSync(aside, { force: true })
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
