import { Empty } from '../ui/notice.tsx'

export function Bindings() {
  return <Empty title="This page is not built yet." />
}
