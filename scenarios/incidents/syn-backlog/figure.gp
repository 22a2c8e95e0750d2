set multiplot layout 1,2
set title 'Segments dropped at the accept queue'
set xlabel 'simulated time [s]'
set ylabel '1/s'
set xrange [0:10]
set key right top
plot data index 'broken drops' with lines ls 1 title 'backlog=16', \
     data index 'fixed drops' with lines ls 2 title 'backlog=511'
set title 'Latency of the burst'
set xlabel 'latency [s]'
set ylabel 'requests that took no longer [%]'
set xrange [0:7.5]
set yrange [0:100]
set key at graph 0.98,0.3
plot data index 'broken latency' using ($1/1000):2 with lines ls 1 title 'backlog=16', \
     data index 'fixed latency' using ($1/1000):2 with lines ls 2 title 'backlog=511'
unset multiplot
