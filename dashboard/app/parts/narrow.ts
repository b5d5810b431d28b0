import { useEffect, useState } from 'preact/hooks';

const NARROW = '(max-width: 760px)';

/** Whether the page is as narrow as a phone's; the same width as in the style sheets. */
export function useNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const media = matchMedia(NARROW);
    const look = (): void => setNarrow(media.matches);
    media.addEventListener('change', look);
    return () => media.removeEventListener('change', look);
  }, []);
  return isNarrow;
}
