set multiplot layout 1,2
set title 'CPU of report/web, limit=500m'
set xlabel 'simulated time [s], each point 12 s'
set ylabel 'cores; share of time'
set yrange [0:0.65]
set key at graph 0.02,0.7
set label 'the limit' at 600,0.5 right offset 0,0.6
plot 0.5 with lines ls 5 notitle, \
     data index 'used' with lines ls 2 title 'CPU time used [cores]', \
     data index 'throttled' with lines ls 1 title 'time throttled [share]'

unset label
set key left top
set title 'Latency of users'
eval(percentiles)
set ylabel 'latency [ms]'
set yrange [0:*]
set xrange [1:2500]
plot data index 'broken' with lines ls 1 title 'limit=500m', \
     data index 'fixed' with lines ls 2 title 'limit=16'
unset multiplot
