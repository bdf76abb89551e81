import { Empty } from '../ui/notice.tsx'

export function Circuits() {
  return <Empty title="This page is not built yet." />
}
