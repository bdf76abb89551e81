import { type KeyAction } from '../base/keys.ts'
import { changeSettings, useSettings } from '../base/settings.ts'
import { Modal } from '../ui/modal.tsx'

/** Every key that does something on the page that is open. */
export function Help({
  keys,
  onClose,
}: {
  readonly keys: readonly KeyAction[]
  readonly onClose: () => void
}) {
  const { singleKeys } = useSettings()
  return (
    <Modal title="Keys" onClose={onClose}>
      <dl className="keys">
        {keys.map(({ keys: stroke, what }) => (
          <div key={stroke}>
            <dt>
              {stroke.split(' ').map((one, at) => (
                <kbd key={`${at} ${one}`}>{nameOf(one)}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input
          type="checkbox"
          checked={singleKeys}
          onChange={({ target }) => changeSettings({ singleKeys: target.checked })}
        />
        Keys without Ctrl or Cmd do something
      </label>
    </Modal>
  )
}

const names: Readonly<Record<string, string>> = {
  ArrowDown: '↓',
  ArrowUp: '↑',
  ArrowLeft: '←',
  ArrowRight: '→',
}

const nameOf = (stroke: string): string => names[stroke] ?? stroke.replace('mod+', 'Ctrl/⌘ ')
