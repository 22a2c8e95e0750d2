set multiplot layout 1,2
set title 'Questions for a request'
set xlabel ' '
set ylabel 'questions'
set boxwidth 0.6
set style fill solid border lc rgb '#404040'
set xrange [-0.5:1.5]
set yrange [0:10]
set xtics ('broken.xml' 0, 'fixed.xml' 1)
unset grid
set key right top
plot data index 'broken asked' using (0):2 with boxes lc rgb '#0072B2' title 'answered', \
     data index 'fixed asked' using (1):2 with boxes lc rgb '#0072B2' notitle, \
     data index 'broken in vain' using (0):2 with boxes lc rgb '#F0C8A0' title '"no such name"', \
     data index 'fixed in vain' using (1):2 with boxes lc rgb '#F0C8A0' notitle

set title 'Time until the address is known'
set xlabel 'dns [us]'
set ylabel 'requests that took no longer [%]'
set grid
set xtics autofreq
set xrange [0:600]
set yrange [0:100]
set key center center
plot data index 'broken latency' using ($1 * 1000):2 with lines ls 1 title 'broken.xml', \
     data index 'fixed latency' using ($1 * 1000):2 with lines ls 2 title 'fixed.xml'
unset multiplot
